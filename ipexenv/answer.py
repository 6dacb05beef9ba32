"""What a command gives back: data for machines, a way to show it to people, and the exit code."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rich.console import Console

Status = Literal["ok", "no", "error"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """One entry of ``problems`` in the JSON envelope."""

    code: str
    message: str
    causes: tuple[str, ...] = ()
    hint: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """The outcome of one command that ran to its end."""

    data: Mapping[str, Any]
    """JSON data, as the command-line contract names it."""
    show: Callable[[Console], None] | None = None
    """Prints the answer for people; None prints nothing."""
    raw: str | None = None
    """Exact text for stdout instead of ``show`` (Markdown, CSV): not wrapped, not coloured."""
    exit_code: int = 0
    """0 for done or yes, 1 for no."""
    problems: tuple[Problem, ...] = field(default=())

    @property
    def status(self) -> Status:
        """Return the word for the JSON envelope."""
        return "ok" if self.exit_code == 0 else "no"
