"""How a plan is to be carried out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ipexenv.install.building import build_bridge
from ipexenv.system.transfer import RequestsTransfer
from ipexenv.transaction.holding import DEFAULT_WAIT_S

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from ipexenv.facts import Facts
    from ipexenv.fetch.cache import Cache
    from ipexenv.install.building import Build
    from ipexenv.ruling import Offer, SourceReport
    from ipexenv.system.transfer import Transfer


def as_they_are(files: Iterable[Offer]) -> tuple[Offer, ...]:
    """Hold files to nothing."""
    return tuple(files)


def uninspected(_wheel: Path) -> None:
    """Look at nothing."""


def unproven(_facts: Facts) -> None:
    """Prove nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """How a plan is to be carried out."""

    look: Callable[[], Facts]
    """Looks at the target anew."""
    before: Facts
    """What the plan was made from."""
    base: str | None = None
    """The Python to make the plan's environment with; None: the one that runs ipexenv."""
    engine: str = "auto"
    user_sources: tuple[str, ...] = ()
    offline: bool = False
    files: tuple[Offer, ...] | None = None
    """Every wheel to install, where that is decided already; None: the engine is asked."""
    offers: tuple[Offer, ...] = ()
    """What the sources offer: where the same bytes can be had as well."""
    reports: tuple[SourceReport, ...] = ()
    """How the sources answered that were asked."""
    hold: Callable[[Iterable[Offer]], tuple[Offer, ...]] = as_they_are
    """Refuses files, or adds what is known of them."""
    inspect: Callable[[Path], None] = uninspected
    """Refuses a wheel that is here, before anything is changed."""
    prove: Callable[[Facts], None] = unproven
    """Tries what was installed; whatever it raises undoes everything."""
    cache: Cache | None = None
    allow_insecure: tuple[str, ...] = ()
    """Hosts that may be asked over plain http."""
    require_known: bool = False
    command: str = "ipexenv install"
    """What the user called; the journal keeps it."""
    lock_wait_s: float = DEFAULT_WAIT_S
    """How long to wait for another command that holds the environment."""
    build: Build = build_bridge
    transfer: Transfer = field(default_factory=RequestsTransfer)
