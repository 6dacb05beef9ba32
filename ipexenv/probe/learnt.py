"""The notebook of a look: how each fact was learnt."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(kw_only=True, slots=True)
class Learnt:
    """Collects pairs of a dotted fact name and how it was learnt; a name noted again adds to the first note."""

    notes: dict[str, str] = field(default_factory=dict)

    def note(self, name: str, how: str) -> None:
        """Write down how the fact ``name`` was learnt, or why it was not."""
        self.notes[name] = f"{self.notes[name]}; {how}" if name in self.notes else how

    def as_pairs(self) -> tuple[tuple[str, str], ...]:
        """Return the notes in the order of ``Facts.learnt``."""
        return tuple(sorted(self.notes.items()))
