"""What the stages say while they work. Pure: the listener decides what becomes of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

EventKind = Literal["step", "detail", "warning", "output"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """One thing that happened.

    ``step`` is a stage beginning ("asking 4 sources"), ``detail`` something for ``-v``, ``warning`` something that
    the user should see even with ``-q``, ``output`` one line of a program that ipexenv drives.
    """

    kind: EventKind
    text: str


Listener = Callable[[Event], None]


def ignore(_event: Event) -> None:
    """Listen to nothing."""
