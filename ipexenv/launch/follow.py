"""Follow a running job by its lines: pass on what ranks say, know who fails first, who is late, and when to end it."""

from __future__ import annotations

import json
import signal
import threading
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from ipexenv.launch.frames import frames_in
from ipexenv.launch.overdue import Standing, Watchdog

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ipexenv.launch.frames import Frame

LOST_S = 45.0
"""How long a keeper may say nothing; it speaks every 10 s."""
BEGIN_S = 300.0
"""How long a launcher may take to start a keeper on a cold file system."""
ASLEEP_S = 20.0
"""Where so much time has passed between two looks this process itself was stopped, and silence tells nothing."""

LAST_BYTES = 6000
LAST_LINES = 15


class Output(Protocol):
    """Where the output of ranks goes."""

    def rank(self, rank: int, kind: str, data: bytes) -> None:
        """Take what a rank wrote: ``o`` to stdout, ``e`` to stderr."""
        ...

    def launcher(self, line: str) -> None:
        """Take a line of the launcher's own."""
        ...

    def close(self) -> None:
        """Show what is left."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Ended:
    """How one rank ended."""

    rank: int
    returncode: int
    ended: bool
    """Whether it was ended from outside, as all are when one fails."""
    host: str = ""
    """What its host calls itself."""


@dataclass(slots=True)
class Follower:
    """Hears every line of a launcher."""

    output: Output
    watchdog: Watchdog
    clock: Callable[[], float]
    warn: Callable[[tuple[Standing, ...]], None]
    endings: list[Ended] = field(default_factory=list)
    """In the order in which they were heard."""
    begun: set[int] = field(default_factory=set)
    """Ranks whose keepers have spoken."""
    lost: tuple[int, ...] = ()
    """Ranks of which nothing is heard any more, for which the job was ended."""
    overdue: tuple[Standing, ...] = ()
    """Ranks for which the job was ended: they never came through their first collective."""
    words: deque[str] = field(default_factory=lambda: deque(maxlen=200))
    """The launcher's own, last ones."""
    _heard: dict[int, int] = field(default_factory=dict)
    _heard_at: dict[int, float] = field(default_factory=dict)
    _looked_at: float | None = None
    _last: dict[int, bytes] = field(default_factory=dict)
    _parts: dict[int, bytes] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def hear(self, line: str) -> bool:
        """Take a line; return whether the job has failed and has to be ended."""
        with self._lock:
            frames = frames_in(line)
            if not frames and line.strip() and "@ipexenv " not in line:
                self.words.append(line)
                if not self._has_failed():
                    self.output.launcher(line)
            for frame in frames:
                if frame.number > self._heard.get(frame.rank, -1):
                    self._heard[frame.rank] = frame.number
                    self._take(frame)
            return self._has_failed()

    def is_lost(self) -> bool:
        """Say whether a host has fallen silent, so that the job has to be ended; asked every few seconds."""
        with self._lock:
            now = self.clock()
            size = self.watchdog.size
            if self._looked_at is None or now - self._looked_at > ASLEEP_S:
                self._heard_at = dict.fromkeys(range(size), now)
            self._looked_at = now
            ended = {ending.rank for ending in self.endings}
            limits = {rank: LOST_S if rank in self.begun else BEGIN_S for rank in range(size) if rank not in ended}
            lost = tuple(rank for rank, limit_s in limits.items() if now - self._heard_at[rank] > limit_s)
            if lost and not self._has_failed():
                self.lost = lost
            return self._has_failed()

    def _has_failed(self) -> bool:
        return bool(self.overdue or self.lost) or any(ending.returncode != 0 for ending in self.endings)

    def _take(self, frame: Frame) -> None:
        self.begun.add(frame.rank)
        self._heard_at[frame.rank] = self.clock()
        if frame.kind in "oe":
            self._last[frame.rank] = (self._last.get(frame.rank, b"") + frame.data)[-LAST_BYTES:]
            self.output.rank(frame.rank, frame.kind, frame.data)
        elif frame.kind in "wx":
            told = self._whole(frame)
            if told is not None and frame.kind == "x":
                self.endings.append(_ended(frame.rank, told))
            elif told is not None:
                self._watch(Standing.of(frame.rank, told))

    def _whole(self, frame: Frame) -> Mapping[str, Any] | None:
        """Return a document that may have come in several frames, None until it is whole."""
        text = self._parts.pop(frame.rank, b"") + frame.data
        try:
            told = json.loads(text)
        except ValueError:
            self._parts[frame.rank] = text[-LAST_BYTES:]
            return None
        return told if isinstance(told, dict) else None

    def _watch(self, standing: Standing) -> None:
        verdict = self.watchdog.hear(standing, self.clock())
        late = self.watchdog.late({ending.rank for ending in self.endings})
        if verdict == "warn":
            self.warn(late)
        elif verdict == "end" and not self._has_failed():
            self.overdue = late

    def first_failure(self) -> Ended | None:
        """Return the rank that failed first of itself; None where none did.

        Of those that came in almost together one that died of a signal is the cause: the others fail because of it.
        SIGTERM is none, since launchers end ranks with it.
        """
        failed = [ending for ending in self.endings if ending.returncode != 0]
        return min(failed, key=_blame, default=None)

    def last_lines(self, rank: int) -> tuple[str, ...]:
        """Return what a rank said last."""
        text = self._last.get(rank, b"").decode(errors="replace").replace("\r", "\n")
        return tuple([line for line in text.splitlines() if line.strip()][-LAST_LINES:])


def _blame(ending: Ended) -> int:
    """Return how little an ending can be the cause of the others."""
    if ending.ended:
        return 3
    if ending.returncode == -signal.SIGTERM:
        return 2
    return 0 if ending.returncode < 0 else 1


def _ended(rank: int, told: Mapping[str, Any]) -> Ended:
    code = told.get("returncode")
    return Ended(
        rank=rank,
        returncode=code if isinstance(code, int) else 1,
        ended=told.get("ended") is True,
        host=str(told.get("host", "")),
    )
