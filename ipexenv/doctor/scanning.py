"""Find the patterns of known failures in a log of any length, as it comes.

The log is read in blocks. One automaton of all patterns together (RE2's Set) says which patterns a block holds at all,
mostly none; only those are then looked for one by one. Memory does not grow with the log.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ipexenv.errors import TableError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ipexenv.tables.failures import Failure

CARRIED_BYTES = 4096
"""How much of a block is looked at again before the next, for what spans two lines at the border of blocks."""

KEPT_LINES = 3
"""Matching lines that are kept of each failure; the others are counted."""

LINE_BYTES = 2000
"""How much of a line is kept."""

AUTOMATON_BYTES = 256 << 20
"""Most memory that RE2 may take for its states; it takes what the patterns need, some megabytes."""

MOST_COUNTED = 10_000
"""From here on a failure is not counted any more: a line that comes with every step tells no more for it."""

TAIL_BYTES = 512 << 10
"""How much of the end of the log is kept, for the case that nothing is recognised."""

_LEAD_BYTES = 200
"""How much before a match is kept of a line that is longer than LINE_BYTES."""

_ESCAPES = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b\n]*(?:\x07|\x1b\\)?|[ -/]*[0-Z\\^-~])")
"""Colours, cursor movements and titles of terminals (ECMA-48), which would stand between the words of a message."""

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""What no line that is shown may hold: it would be an order to the terminal."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One line of the log."""

    number: int
    """Counted from 1."""
    text: str


@dataclass(kw_only=True, slots=True)
class Sighting:
    """Where one failure was seen."""

    failure: Failure
    count: int = 0
    lines: list[Line] = field(default_factory=list)
    groups: dict[str, str] = field(default_factory=dict)
    """Named groups of the first match."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Scan:
    """What a whole log shows."""

    sightings: tuple[Sighting, ...]
    """In the order of first lines."""
    tail: tuple[Line, ...]
    """The last lines, at most TAIL_BYTES of them."""
    lines: int
    size_bytes: int


class Scanner:
    """Takes a log piece by piece."""

    def __init__(self, failures: Sequence[Failure]) -> None:
        """Compile the patterns of ``failures``; raise TableError that names a pattern RE2 does not take."""
        import re2  # noqa: PLC0415 (20 ms that other commands need not pay)

        options = re2.Options()
        options.max_mem = AUTOMATON_BYTES
        options.encoding = re2.Options.Encoding.LATIN1  # a log may hold any bytes
        options.log_errors = False
        self._searches: list[tuple[Failure, Any]] = []
        self._set = re2.Set.SearchSet(options)
        for failure in failures:
            for pattern in failure.patterns:
                self._add(failure, pattern, options, re2)
        self._set.Compile()
        self._seen: dict[str, Sighting] = {}
        self._tail: deque[bytes] = deque()
        self._tail_bytes = 0
        self._carried = b""
        self._pending: list[bytes] = []
        self._line = 1
        """Number of the line with which the carried text begins."""
        self._lines = 0
        self._size_bytes = 0

    def _add(self, failure: Failure, pattern: str, options: Any, re2: Any) -> None:  # noqa: ANN401 (RE2 has no types)
        raw = pattern.encode()
        try:
            self._searches.append((failure, re2.compile(raw, options)))
            self._set.Add(raw)
        except re2.error as error:
            raise TableError(
                f"failures.toml [[failure]] {failure.id}: {pattern!r} is no pattern of RE2: {_words(error)}",
                code="bad-table",
                hint="RE2 has neither look-around nor back-references",
            ) from None

    def feed(self, piece: bytes) -> None:
        """Take the next bytes, cut anywhere."""
        self._size_bytes += len(piece)
        whole, newline, rest = piece.rpartition(b"\n")
        if not newline:
            self._pending.append(piece)
            if sum(map(len, self._pending)) > CARRIED_BYTES * 64:  # a line without end
                self._look(b"".join(self._pending))
                self._pending = []
            return
        block = b"".join([*self._pending, whole, newline])
        self._pending = [rest] if rest else []
        self._look(block)

    def finish(self) -> Scan:
        """Say that the log has ended, and return what it shows."""
        if self._pending:
            self._look(b"".join(self._pending))
            self._pending = []
            self._lines += 1
        found = sorted(self._seen.values(), key=lambda sighting: sighting.lines[0].number)
        return Scan(sightings=tuple(found), tail=self._last_lines(), lines=self._lines, size_bytes=self._size_bytes)

    def _look(self, block: bytes) -> None:
        if b"\x1b" in block:
            block = _ESCAPES.sub(b"", block)
        text = self._carried + block
        for index in self._set.Match(text) or ():
            failure, search = self._searches[index]
            seen = self._seen.get(failure.id)
            if seen is not None and seen.count >= MOST_COUNTED:
                continue
            for match in search.finditer(text):
                if match.end() > len(self._carried):
                    self._note(failure, text, match)
        self._lines += block.count(b"\n")
        self._keep(block)
        kept = text[-CARRIED_BYTES:].partition(b"\n")[2] if len(text) > CARRIED_BYTES else text
        self._line += text.count(b"\n") - kept.count(b"\n")
        self._carried = kept

    def _keep(self, block: bytes) -> None:
        self._tail.append(block)
        self._tail_bytes += len(block)
        while self._tail_bytes - len(self._tail[0]) >= TAIL_BYTES:
            self._tail_bytes -= len(self._tail.popleft())

    def _last_lines(self) -> tuple[Line, ...]:
        texts = b"".join(self._tail)[-TAIL_BYTES:].removesuffix(b"\n").split(b"\n")
        first = self._lines - len(texts) + 1
        lasting = (text.rstrip(b"\r").rpartition(b"\r")[2] for text in texts)  # what a progress bar ended as
        return tuple(Line(number=first + index, text=_shown(text)) for index, text in enumerate(lasting))

    def _note(self, failure: Failure, text: bytes, match: Any) -> None:  # noqa: ANN401 (as above)
        sighting = self._seen.setdefault(failure.id, Sighting(failure=failure))
        sighting.count += 1
        if len(sighting.lines) >= KEPT_LINES:
            return
        line = self._line_at(text, match.start())
        if not sighting.lines:
            sighting.groups = _groups(match)
        if line not in sighting.lines:
            sighting.lines.append(line)

    def _line_at(self, text: bytes, start: int) -> Line:
        """Return the line of a match; of one that a progress bar has written over itself, that state of it."""
        begin = max(text.rfind(b"\n", 0, start), text.rfind(b"\r", 0, start)) + 1
        ends = [end for end in (text.find(b"\n", start), text.find(b"\r", start)) if end >= 0]
        if start - begin > LINE_BYTES - _LEAD_BYTES:
            begin = start - _LEAD_BYTES
        number = self._line + text.count(b"\n", 0, begin)
        return Line(number=number, text=_shown(text[begin : min(ends, default=len(text))]))


def scan(pieces: Iterable[bytes], failures: Sequence[Failure]) -> Scan:
    """Return what a log shows; ``pieces`` are its bytes, cut anywhere."""
    scanner = Scanner(failures)
    for piece in pieces:
        scanner.feed(piece)
    return scanner.finish()


def _shown(line: bytes) -> str:
    return _CONTROLS.sub("", line[:LINE_BYTES].decode("utf-8", "replace")).rstrip()


def _groups(match: Any) -> dict[str, str]:  # noqa: ANN401 (RE2 has no types)
    found: Mapping[bytes, bytes | None] = match.groupdict()
    return {name.decode(): _shown(value) for name, value in found.items() if value}


def _words(error: Exception) -> str:
    told = error.args[0] if error.args else error
    return told.decode("utf-8", "replace") if isinstance(told, bytes) else str(told)
