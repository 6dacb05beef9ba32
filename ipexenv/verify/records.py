"""What a child of `verify` told: JSON lines on its answer descriptor, and which check made which noise. Pure."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_MARK = re.compile(r"^== ipexenv: (?P<check>\S+) (?P<what>begin|end) ==$")
_EXPIRED = re.compile(r"^Timeout \(\d+:\d\d:\d\d(\.\d+)?\)!$", re.MULTILINE)
_KERNEL = re.compile(r"^(onednn|dnnl)_verbose,")
# Noise that every working environment makes: it would hide the line that matters.
_BENIGN = re.compile(
    r"Overriding a previously registered kernel|Warning only once for all operators"
    r"|^ {4,}(registered at|new kernel:)|^ {2,}(operator:|dispatch key:|previous kernel:)"
    r"|No CUDA runtime is found|Cannot load xpu CCL|will be deprecated in a future release"
    r"|^frame #\d+: |^<omitting python frames>|CCL_WARN\| value of \w+ changed to be"
    r"|did not find MPI-launcher specific variables|could not get local_idx/count from environment variables"
    r"|\|CCL_INFO\||^Extension modules: |File \"<frozen |_target_\w+\.py\", line \d+"
    r"|AutoNonVariableTypeMode is deprecated|the number of workers \(\d+\) matches the number of available cores"
)
_TAIL_LINES = 12
_LINE_CHARACTERS = 400


@dataclass(frozen=True, kw_only=True, slots=True)
class RaisedError:
    """An exception that a check ended with."""

    type: str
    message: str
    exit_code: int | None = None
    """Argument of a SystemExit, None for every other exception."""
    trace: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """How far one check came in its process."""

    check: str
    stage: str | None = None
    """The last thing that began; None before the first."""
    seconds: float | None = None
    data: Mapping[str, Any] | None = None
    """What the check found; None where it did not come to its end."""
    error: RaisedError | None = None

    @property
    def crashed(self) -> bool:
        """Say whether the process ended while the check was still running."""
        return self.data is None and self.error is None


@dataclass(frozen=True, kw_only=True, slots=True)
class Story:
    """All that one process told, in order."""

    records: tuple[Record, ...] = field(default=())

    def of(self, check: str) -> Record | None:
        """Return the record of ``check``, None where it never began."""
        return next((record for record in self.records if record.check == check), None)


def read_story(answer: bytes) -> Story:
    """Read the records of one process; a line that is cut off, as a crash leaves it, is passed over."""
    records: dict[str, Record] = {}
    for row in _rows(answer.splitlines()):
        check = str(row.get("check"))
        known = records.get(check, Record(check=check))
        records[check] = _continued(known, row)
    return Story(records=tuple(records.values()))


def _rows(lines: Iterable[bytes]) -> Iterable[dict[str, Any]]:
    for line in lines:
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict):
            yield row


def _continued(known: Record, row: Mapping[str, Any]) -> Record:
    seconds = row.get("seconds")
    stage = str(row["stage"]) if row.get("event") == "stage" else known.stage
    data = row["data"] if row.get("event") == "end" else known.data
    error = known.error
    if row.get("event") == "error":
        code = row.get("exit_code")
        error = RaisedError(
            type=str(row.get("type")),
            message=str(row.get("message", "")),
            exit_code=code if isinstance(code, int) else None,
            trace=str(row.get("trace", "")),
        )
    return Record(
        check=known.check,
        stage=stage,
        seconds=float(seconds) if isinstance(seconds, (int, float)) else known.seconds,
        data=data if isinstance(data, dict) else None,
        error=error,
    )


def section(text: str, check: str) -> str:
    """Return what was printed between the marks of ``check``, to the end of ``text`` where the end mark is missing."""
    lines: list[str] = []
    inside = False
    for line in text.splitlines():
        mark = _MARK.match(line)
        if mark is None:
            if inside:
                lines.append(line)
        elif mark["check"] == check:
            inside = mark["what"] == "begin"
    return "\n".join(lines)


def noise(text: str) -> list[str]:
    """Return the lines worth showing: no marks, no oneDNN verbose lines, nothing that every environment prints."""
    return [
        line.rstrip()[:_LINE_CHARACTERS]
        for line in text.splitlines()
        if line.strip() and not (_MARK.match(line) or _KERNEL.match(line) or _BENIGN.search(line))
    ]


def tail(*texts: str, lines: int = _TAIL_LINES) -> str:
    """Return the last lines worth showing of each text, one after the other.

    Where faulthandler dumped a stack, that is where it begins: it prints the innermost call first.
    """
    return "\n".join(line for text in texts for line in _last(noise(text), lines))


def _last(lines: list[str], count: int) -> list[str]:
    dumps = [number for number, line in enumerate(lines) if line.endswith("(most recent call first):")]
    if dumps:
        start = max(dumps[-1] - count // 2, 0)
        return lines[start : start + count]
    return lines[-count:]


def expired(stderr: str) -> bool:
    """Say whether the child's own time limit ended it (the mark that faulthandler leaves)."""
    return _EXPIRED.search(stderr) is not None
