"""What the engine would install, file by file, asked before anything changes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ipexenv.events import Event
from ipexenv.install.closure_pip import ask_pip
from ipexenv.install.closure_sizes import with_sizes
from ipexenv.install.closure_uv import TooOldError, ask_uv
from ipexenv.install.engine import choose_engine
from ipexenv.install.installed import installed_distributions
from ipexenv.install.wish import Asking, Wish, without_user

if TYPE_CHECKING:
    from packaging.version import Version

    from ipexenv.events import Listener
    from ipexenv.facts import Facts
    from ipexenv.install.configuration import Configuration
    from ipexenv.install.engine import Engine
    from ipexenv.ruling import Offer
    from ipexenv.system.world import World

__all__ = ["Closure", "Removal", "Wish", "closure"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Removal:
    """One installed distribution that the change replaces."""

    name: str
    """Normalised."""
    version: Version


@dataclass(frozen=True, kw_only=True, slots=True)
class Closure:
    """Everything that one call of the engine would do."""

    files: tuple[Offer, ...]
    """One wheel a distribution, by project name; a URL may hold credentials."""
    removed: tuple[Removal, ...]


def closure(  # noqa: PLR0913 (what, with what, where it looks, where to, and who listens)
    wish: Wish, engine: Engine, *, configuration: Configuration, world: World, facts: Facts, listen: Listener
) -> Closure:
    """Return every wheel file that the engine would install for ``wish``, and what it would replace.

    The engine itself decides, from the same sources and under the same constraints as when it installs; nothing in the
    environment changes. uv and pip since 25.3 read metadata alone (PEP 658, or ranges of the wheel). An older pip
    downloads whole wheels to decide, into its cache, from where the install takes them: an event says so. A uv too old
    to answer in JSON is passed over for pip. Raises OutsideError where the engine finds no answer, with its reasons.
    """
    asking = Asking(facts=facts, configuration=configuration, world=world, listen=listen)
    files = tuple(sorted((_as_known(file, wish) for file in _files(wish, engine, asking)), key=_by_project))
    there = {} if wish.fresh else installed_distributions(facts.target.site_packages)
    removed = tuple(
        Removal(name=file.project, version=there[file.project].version) for file in files if file.project in there
    )
    return Closure(files=with_sizes(files, configuration, world), removed=removed)


def _files(wish: Wish, engine: Engine, asking: Asking) -> tuple[Offer, ...]:
    if engine.name == "pip":
        return ask_pip(wish, engine, asking)
    try:
        return ask_uv(wish, engine, asking)
    except TooOldError as error:
        asking.listen(Event(kind="detail", text=f"{error}; asking pip instead"))
        return ask_pip(wish, choose_engine("pip", asking.facts.target, asking.world), asking)


def _as_known(file: Offer, wish: Wish) -> Offer:
    """Return the file as the survey offered it, with the source's own name, where it is one of those."""
    for offer in wish.offers:
        if offer.project == file.project and without_user(offer.url) == without_user(file.url):
            sha256, size_bytes = offer.sha256 or file.sha256, offer.size_bytes or file.size_bytes
            return replace(offer, sha256=sha256, size_bytes=size_bytes)
    return file


def _by_project(file: Offer) -> str:
    return file.project
