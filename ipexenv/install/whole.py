"""Every file of an environment as decided: what is installed found again at the sources, what is missing beside it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from ipexenv.errors import OutsideError
from ipexenv.install.addresses import is_local, local_path
from ipexenv.install.closure_choice import best_wheel, tags_for
from ipexenv.install.installed import installed_distributions
from ipexenv.plan import make_plan
from ipexenv.tables.bridge import BRIDGE_PROJECT, is_bridge

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from ipexenv.facts import Facts
    from ipexenv.install.closure import Closure
    from ipexenv.install.installed import Distribution
    from ipexenv.install.wish import Wish
    from ipexenv.outcome import Pin, Resolution
    from ipexenv.ruling import Offer
    from ipexenv.tables.bridge import BridgeRelease

    Ask = Callable[[Wish], Closure]

_ON_NO_INDEX = frozenset({"oneccl-bind-pt", "torch-ccl"})
"""Names that Intel's bindings have had; nobody has registered them on a package index."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Scene:
    """What is there, what sources offer, and where relative paths start."""

    installed: Mapping[str, Distribution]
    offers: tuple[Offer, ...]
    facts: Facts
    directory: Path


def closure_of_installed(
    resolution: Resolution, facts: Facts, ask: Ask, *, wish: Wish, directory: Path
) -> tuple[Offer, ...]:
    """Return the files of the resolution's whole dependency tree, installed or not, but the bridge's.

    What is installed is found again in exactly its version: by the URL that its engine recorded (PEP 610), among
    ``wish.offers``, or by version from the configured index. What the plan would change, the engine chooses as it would
    when installing. ``wish`` says where to look; its requirements and constraints do not count. Raises OutsideError
    where something cannot be found again, or what is installed contradicts its own dependencies.
    """
    installed = {} if wish.fresh else installed_distributions(facts.target.site_packages)
    scene = _Scene(installed=installed, offers=wish.offers, facts=facts, directory=directory)
    held = {name: _exactly(there, scene) for name, there in installed.items() if not is_bridge(there.version)}
    if installed:
        held.update(_changed(resolution, facts, ask, wish))
    pins = {canonicalize_name(pin.name): _line(pin, scene) for pin in resolution.pins if not _is_built(pin)}
    whole = replace(
        wish,
        requirements=(*pins.values(), *resolution.constraints),
        constraints=tuple(line for name, line in held.items() if name not in pins),
        fresh=True,
    )
    return ask(whole).files


def needs_survey(resolution: Resolution, facts: Facts) -> bool:
    """Say whether something installed can be found again only by asking the sources that the tables name.

    So it is for what has a local version, as ``2.8.0+cpu``, and for Intel's bindings, unless the engine recorded a URL.
    """
    installed = installed_distributions(facts.target.site_packages)
    found = [installed.get(canonicalize_name(pin.name)) for pin in resolution.pins if pin.installed]
    return any(
        there.version.local or there.name in _ON_NO_INDEX for there in found if there is not None and _unnamed(there)
    )


def _unnamed(there: Distribution) -> bool:
    return there.url is None and not is_bridge(there.version)


def bridge_parts(
    resolution: Resolution, bridges: tuple[BridgeRelease, ...], ask: Ask, *, wish: Wish
) -> tuple[BridgeRelease, tuple[Offer, ...]] | None:
    """Return what the bridge of the resolution is built from, found again where it is installed; None without one.

    Raises OutsideError where no source has exactly these files, or the tables do not know that bridge.
    """
    pin = next((pin for pin in resolution.pins if canonicalize_name(pin.name) == BRIDGE_PROJECT), None)
    if pin is None:
        return None
    release = pin.bridge or next((row for row in bridges if row.version == pin.version), None)
    if release is None:
        raise OutsideError(
            f"the tables do not know the installed bridge {pin.version}",
            code="unknown-bridge",
            causes=(f"they know {', '.join(str(row.version) for row in bridges) or 'none'}",),
            hint="bring it up to date with `ipexenv install --ccl bridge`, then lock",
        )
    parts = pin.parts or _found_parts(release, ask, wish)
    return release, tuple(
        replace(part, sha256=wanted.sha256) for part, wanted in zip(parts, release.parts, strict=True)
    )


def _found_parts(release: BridgeRelease, ask: Ask, wish: Wish) -> tuple[Offer, ...]:
    lines = tuple(f"{part.project}=={part.version}" for part in release.parts)
    found = ask(replace(wish, requirements=lines, constraints=(), fresh=True, with_dependencies=False)).files
    by_digest = {file.sha256: file for file in found}
    absent = [part.filename for part in release.parts if part.sha256 not in by_digest]
    if absent:
        raise OutsideError(
            "the files that the bridge is built from cannot be found again",
            code="no-source",
            causes=tuple(f"no source has {name} with the SHA-256 that the tables name" for name in absent),
            hint="name a source that has them with `--source URL-or-DIR`",
        )
    return tuple(by_digest[part.sha256] for part in release.parts)


def _changed(resolution: Resolution, facts: Facts, ask: Ask, wish: Wish) -> Iterator[tuple[str, str]]:
    """Yield what installing would put in the place of what is there, or beside it."""
    plan = make_plan(resolution, facts)
    if plan.requirements:
        asked = replace(wish, requirements=plan.requirements, constraints=plan.constraints)
        for file in ask(asked).files:
            yield file.project, f"{file.project}=={file.version}" if file.configured else _by_url(file)


def _is_built(pin: Pin) -> bool:
    return pin.bridge is not None or canonicalize_name(pin.name) == BRIDGE_PROJECT


def _line(pin: Pin, scene: _Scene) -> str:
    there = scene.installed.get(canonicalize_name(pin.name))
    if pin.installed and there is not None:
        return _exactly(there, scene)
    if pin.offer is None or pin.offer.configured:
        return f"{pin.name}=={pin.version}"
    return _by_url(pin.offer)


def _exactly(there: Distribution, scene: _Scene) -> str:
    """Return the requirement that finds an installed distribution again."""
    if there.url is not None and _is_there(there.url, scene.directory):
        return f"{there.name} @ {there.url}" + (f"#sha256={there.sha256}" if there.sha256 else "")
    same = [offer for offer in scene.offers if (offer.project, offer.version) == (there.name, there.version)]
    offer = best_wheel((offer for offer in same if not offer.configured), tags_for(scene.facts))
    if offer is None or any(other.configured for other in same):
        return f"{there.name}=={there.version}"
    return _by_url(offer)


def _is_there(url: str, directory: Path) -> bool:
    """Say whether a recorded URL can still be had: folders of wheels are often gone after the installation."""
    return not is_local(url) or local_path(url, directory).is_file()


def _by_url(offer: Offer) -> str:
    digest = f"#sha256={offer.sha256}" if offer.sha256 else ""
    return f"{offer.project} @ {offer.url}{digest}"
