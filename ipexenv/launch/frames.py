"""Read what keepers sent back: short numbered lines with a checksum, however mixed with noise. Pure."""

from __future__ import annotations

import base64
import binascii
import json
import re
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ipexenv.system.runner import Finished

if TYPE_CHECKING:
    from collections.abc import Mapping

_FRAME = re.compile(
    r"@ipexenv (?P<head>(?P<rank>\d{1,6}) (?P<number>\d{1,9}) (?P<kind>[aehopwx]) (?P<text>[A-Za-z0-9+/=]*))"
    r" (?P<sum>[0-9a-f]{8})"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Passed:
    """What one rank said, as far as it came."""

    answer: bytes = b""
    stdout: str = ""
    stderr: str = ""
    ending: Mapping[str, Any] | None = None
    """How it ended, by its keeper; None where the keeper never said."""

    def finished(self, launcher: Finished) -> Finished:
        """Return how the rank ended; where its keeper said nothing it was ended together with its launcher."""
        how = self.ending or {}
        code = how.get("returncode")
        return Finished(
            argv=launcher.argv,
            returncode=code if isinstance(code, int) else launcher.returncode,
            stdout=self.stdout,
            stderr=self.stderr,
            answer=self.answer,
            timed_out=how.get("timed_out") is True or (self.ending is None and launcher.timed_out),
            seconds=_number(how.get("seconds"), launcher.seconds),
            ended=how.get("ended") is True or (self.ending is None and launcher.ended),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Frame:
    """One line of a keeper."""

    rank: int
    number: int
    kind: str
    """``a`` answer, ``o`` stdout, ``e`` stderr, ``p`` where it runs, ``w`` how far it came, ``h`` that it still runs,
    ``x`` how it ended."""
    data: bytes


def frames_in(line: str) -> tuple[Frame, ...]:
    """Return the whole frames in a line of a launcher's output; more than one where it has lost line ends."""
    found = []
    for match in _FRAME.finditer(line):
        if int(match["sum"], 16) == zlib.crc32(match["head"].encode()):
            try:
                data = base64.b64decode(match["text"], validate=True)
            except binascii.Error:
                continue
            found.append(Frame(rank=int(match["rank"]), number=int(match["number"]), kind=match["kind"], data=data))
    return tuple(found)


@dataclass(slots=True)
class _Heard:
    frames: dict[int, tuple[str, bytes]] = field(default_factory=dict)


def read_frames(text: str) -> tuple[dict[int, Passed], str]:
    """Return what each rank said, and all else that stands in ``text``: the launcher's own words.

    A frame that came twice counts once; one that was torn apart is left out, and its other copy stands in for it.
    """
    heard: dict[int, _Heard] = {}
    for frame in frames_in(text):
        heard.setdefault(frame.rank, _Heard()).frames[frame.number] = (frame.kind, frame.data)
    rest = "\n".join(line for line in _FRAME.sub("", text).splitlines() if line.strip() and "@ipexenv" not in line)
    return {rank: _passed(each) for rank, each in sorted(heard.items())}, rest


def tells_failure(line: str) -> bool:
    """Say whether a line is a keeper's word that its rank has failed."""
    said, _ = read_frames(line)
    endings = [each.ending for each in said.values() if each.ending is not None]
    return any(ending.get("returncode") != 0 for ending in endings)


def _passed(heard: _Heard) -> Passed:
    said = dict.fromkeys("aehopwx", b"")
    for _, (kind, data) in sorted(heard.frames.items()):
        said[kind] += data
    return Passed(
        answer=said["a"],
        stdout=said["o"].decode(errors="replace"),
        stderr=said["e"].decode(errors="replace"),
        ending=_ending(said["x"]),
    )


def _ending(data: bytes) -> Mapping[str, Any] | None:
    try:
        ending = json.loads(data)
    except ValueError:
        return None
    return ending if isinstance(ending, dict) else None


def _number(value: object, default: float) -> float:
    return float(value) if isinstance(value, (int, float)) else default
