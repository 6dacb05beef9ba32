"""When the watchdog ends a job, and whom it names. Pure.

A rank is through when its first collective is over. Which ranks never get there is known when all that are late have
told where they stand; a rank that still moves after the group was made (it prepares data while the others wait for it)
is at work and no hang.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

Verdict = Literal["wait", "warn", "end"]

PATIENCE_S = 15.0
"""How long after the first late rank's word the others may keep silent."""

_STAGES = {
    "nothing": "no Python has begun there",
    "started": "it has not called init_process_group",
    "joining": "it waits in init_process_group",
    "ready": "the group is made, and it has begun no collective",
    "collective": "it waits in its first collective",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """Where one rank stands on its way to the first collective."""

    rank: int
    stage: str = "nothing"
    for_s: float = 0.0
    """How long it has stood there."""
    moving: bool | None = None
    """Whether it was elsewhere when asked again; None while nobody has asked."""
    position: tuple[str, ...] = ()
    """Where its main thread is, innermost first, in Python's own words."""

    @property
    def is_through(self) -> bool:
        """Say whether the first collective is over."""
        return self.stage == "done"

    @property
    def words(self) -> str:
        """Return where it stands, for people."""
        where = f", at {self.position[0]}" if self.position else ""
        return f"{_STAGES.get(self.stage, self.stage)}, for {self.for_s:.0f} s{where}"

    @classmethod
    def of(cls, rank: int, told: Mapping[str, Any]) -> Standing:
        """Read what a keeper tells."""
        return cls(
            rank=rank,
            stage=str(told.get("stage", "nothing")),
            for_s=float(told.get("for_s", 0.0)),
            moving=told.get("moving"),
            position=tuple(map(str, told.get("position", ()))),
        )


@dataclass(slots=True)
class Watchdog:
    """Judges what the ranks tell."""

    size: int
    insists: bool
    """Whether the user gave the limit: then it holds, also for ranks that are at work or never wish to communicate."""
    standings: dict[int, Standing] = field(default_factory=dict)
    _first_word_s: float | None = None
    _warned: bool = False

    def hear(self, standing: Standing, now_s: float) -> Verdict:
        """Take a rank's word, and say whether to go on, to warn (once), or to end the job."""
        self.standings[standing.rank] = standing
        if standing.moving is None:
            return "wait"
        if self._first_word_s is None:
            self._first_word_s = now_s
        late = self.late()
        silent = [each for each in late if each.moving is None]
        if not late or (silent and now_s - self._first_word_s < PATIENCE_S):
            return "wait"
        if not self.insists and (_is_at_work(late) or self._nobody_joins()):
            return self._warn()
        return "end"

    def late(self, ended: Collection[int] = ()) -> tuple[Standing, ...]:
        """Return the ranks that are not through their first collective."""
        found = (self.standings.get(rank, Standing(rank=rank)) for rank in range(self.size) if rank not in ended)
        return tuple(standing for standing in found if not standing.is_through)

    def _nobody_joins(self) -> bool:
        return all(self.standings.get(rank, Standing(rank=rank)).stage in _BEFORE for rank in range(self.size))

    def _warn(self) -> Verdict:
        if self._warned:
            return "wait"
        self._warned = True
        return "warn"


_BEFORE = ("nothing", "started")


def _is_at_work(late: Collection[Standing]) -> bool:
    return any(each.stage in {"ready", "collective"} and each.moving for each in late)
