"""What is known of a file that is not whole yet, kept beside it from one run to the next."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

_FORMAT = 1
_MOST_PIECES = 1 << 16


@dataclass(frozen=True, kw_only=True, slots=True)
class PartState:
    """Which bytes are there."""

    validator: str | None
    """What the server said the file can be told by (ETag)."""
    sizes: tuple[int, ...]
    """Bytes of each piece; the pieces follow each other without a gap."""
    done: tuple[int, ...]
    """Bytes of each piece that are there, from its beginning on."""

    @property
    def total_bytes(self) -> int:
        """Return the size of the whole file."""
        return sum(self.sizes)

    @property
    def starts(self) -> tuple[int, ...]:
        """Return where each piece begins."""
        starts = [0]
        for size_bytes in self.sizes[:-1]:
            starts.append(starts[-1] + size_bytes)
        return tuple(starts)

    @property
    def end_bytes(self) -> int:
        """Return how long the part has to be at least to hold what is there."""
        ends = (first + done for first, done in zip(self.starts, self.done, strict=True) if done)
        return max(ends, default=0)

    def save(self, part: Path) -> None:
        """Write the state of ``part`` in one step; raise OSError where that cannot be done."""
        state = {"format": _FORMAT, "validator": self.validator, "sizes": self.sizes, "done": self.done}
        fresh = part.with_suffix(".json.new")
        try:
            fresh.write_text(json.dumps(state), encoding="utf-8")
            fresh.replace(part.with_suffix(".json"))
        except OSError:
            fresh.unlink(missing_ok=True)
            raise


def forget_state(part: Path) -> None:
    """Remove the state of ``part``, if there is one."""
    part.with_suffix(".json").unlink(missing_ok=True)


def read_state(part: Path) -> PartState | None:
    """Return the state of ``part``; None where it is absent, of another format, or makes no sense."""
    try:
        state: Any = json.loads(part.with_suffix(".json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(state, dict) or state.get("format") != _FORMAT:
        return None
    sizes, done, validator = _counts(state.get("sizes")), _counts(state.get("done")), state.get("validator")
    if not sizes or len(sizes) != len(done) or any(came > size for came, size in zip(done, sizes, strict=True)):
        return None
    return PartState(validator=validator if isinstance(validator, str) else None, sizes=sizes, done=done)


def _counts(values: Any) -> tuple[int, ...]:  # noqa: ANN401 (anything may stand in a file)
    """Return numbers of bytes, none at all where anything else stands there."""
    if not isinstance(values, list) or len(values) > _MOST_PIECES:
        return ()
    if not all(isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 50 for value in values):
        return ()
    return tuple(values)
