"""Make lines of what a program writes in pieces, progress bars included. Pure but for the clock that it is given."""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

PROGRESS_S = 1.0
"""How often a line that its program overwrites again and again, as a progress bar, is shown."""

_END = re.compile(r"\r\n|\n|\r")


class Lines:
    """The lines of one stream; what ends in a carriage return is shown now and then, whole lines always."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Begin with nothing; ``clock`` returns seconds."""
        self._clock = clock
        self._decode = codecs.getincrementaldecoder("utf-8")(errors="replace").decode
        self._rest = ""
        self._shown_early = False
        self._shown = clock() - PROGRESS_S

    def take(self, data: bytes) -> list[str]:
        """Return the lines that ``data`` completes, and the newest state of a progress bar where it is time for it."""
        text = self._rest + self._decode(data)
        if self._shown_early:
            text, self._shown_early = text.removeprefix("\n"), False
        # A carriage return at the very end may be the first half of a line's end.
        held = "\r" if text.endswith("\r") else ""
        text = text[: len(text) - len(held)]
        found, state, begin = [], "", 0
        for match in _END.finditer(text):
            line, begin = text[begin : match.start()], match.end()
            state = line if match[0] == "\r" else ""
            if match[0] != "\r":
                found.append(line)
        self._rest = text[begin:] + held
        if held:
            state = text[begin:]
        if self._may_show(state):
            found.append(state)
            if held:
                self._rest, self._shown_early = "", True
        return found

    def last(self) -> list[str]:
        """Return what has come without an end of line."""
        rest, self._rest = (self._rest + self._decode(b"", final=True)).strip("\r"), ""
        return [rest] if rest else []

    def _may_show(self, line: str) -> bool:
        now = self._clock()
        if not line.strip() or now - self._shown < PROGRESS_S:
            return False
        self._shown = now
        return True
