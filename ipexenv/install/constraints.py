"""The user's own constraint files: what the engine would refuse anyway is not worth planning."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from ipexenv.install.addresses import is_local, local_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from ipexenv.outcome import Offer
    from ipexenv.system.world import World


def read_constraints(files: Iterable[str], world: World) -> dict[str, SpecifierSet]:
    """Return normalised name -> allowed versions from constraint files on this machine.

    Lines that only the engine can judge (URLs, markers, options) and files that cannot be read are left to it.
    """
    found: dict[str, SpecifierSet] = {}
    for requirement in _requirements(files, world):
        name = canonicalize_name(requirement.name)
        found[name] = found.get(name, SpecifierSet()) & requirement.specifier
    return found


def allowed(offers: Iterable[Offer], constraints: Mapping[str, SpecifierSet]) -> tuple[Offer, ...]:
    """Return the offers that no constraint excludes."""
    return tuple(
        offer
        for offer in offers
        if offer.project not in constraints or constraints[offer.project].contains(offer.version, prereleases=True)
    )


def _requirements(files: Iterable[str], world: World) -> Iterator[Requirement]:
    for file in files:
        if not is_local(file):
            continue
        try:
            text = local_path(file, world.directory).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            continue
        for line in text.replace("\\\n", " ").splitlines():
            requirement = _requirement(line)
            if requirement is not None and requirement.url is None and requirement.marker is None:
                yield requirement


def _requirement(line: str) -> Requirement | None:
    bare = re.sub(r"(^|\s)#.*|\s--hash=\S+", "", line).strip()
    try:
        return Requirement(bare) if bare else None
    except InvalidRequirement:
        return None
