"""Rules about the bridge: the wheels that it is made from, and that it and Intel's bindings are never both there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ipexenv.resolve.offers import best_offer, part_offer, silent_sources
from ipexenv.resolve.rules.supply import yanked_words
from ipexenv.resolve.situation import is_installed, name_of
from ipexenv.ruling import Rejection
from ipexenv.tables.schema import BridgeRelease, OneCclRelease

if TYPE_CHECKING:
    from ipexenv.facts import Package
    from ipexenv.resolve.situation import Release, Situation
    from ipexenv.tables.bridge import BridgePart

BESIDE = "beside"
"""The rule that a removal by hand would answer."""

SUPPLY_RULES = frozenset({"no-source", "wrong-file", "yanked"})
"""Rules about having the wheels that a bridge is made from: one that is installed needs none of them."""


def alone(release: Release, situation: Situation) -> Rejection | None:
    """Reject bindings beside an installed bridge, and the bridge beside Intel's: each is the same module to scripts."""
    other = _other_provider(release, situation)
    if other is None or is_installed(release, situation.facts):
        return None
    reason = f"cannot be installed beside {other.name} {other.version}, which is there"
    return Rejection(release=name_of(release), rule=BESIDE, reason=reason)


def parts_served(release: Release, situation: Situation) -> Rejection | None:
    """Reject a bridge where sources were asked and one of the wheels that it is made from is at none of them."""
    if not isinstance(release, BridgeRelease) or not _has_to_be_made(release, situation):
        return None
    absent = [part for part in release.parts if not situation.parts.get(part.filename)]
    if not absent:
        return None
    silent = dict.fromkeys(text for part in absent for text in silent_sources(part.project, situation))
    because = f", and {', '.join(silent)}" if silent else ""
    reason = f"is made from {_listed([part_name(part) for part in absent])}, which no source serves{because}"
    return Rejection(release=name_of(release), rule="no-source", reason=reason)


def parts_genuine(release: Release, situation: Situation) -> Rejection | None:
    """Reject a bridge where all that is offered under the name of a part is another file, by its SHA-256."""
    if not isinstance(release, BridgeRelease) or not _has_to_be_made(release, situation):
        return None
    for part in release.parts:
        impostors = situation.parts.get(part.filename, ())
        if impostors and part_offer(part, situation) is None:
            reason = f"is made from {other_file(part, situation)}"
            return Rejection(release=name_of(release), rule="wrong-file", reason=reason)
    return None


def parts_not_yanked(release: Release, situation: Situation) -> Rejection | None:
    """Reject, without consent, a bridge of which a part was yanked."""
    if not isinstance(release, BridgeRelease) or situation.request.allow_yanked:
        return None
    if not _has_to_be_made(release, situation):
        return None
    for part in release.parts:
        offer = part_offer(part, situation)
        if offer is not None and offer.yanked is not None:
            reason = f"is made from {part_name(part)}, which was yanked {yanked_words(offer.yanked)}"
            return Rejection(release=name_of(release), rule="yanked", reason=reason)
    return None


def other_file(part: BridgePart, situation: Situation) -> str:
    """Return, in words, which file should be served under a part's name and which one is."""
    found = situation.parts[part.filename][0]
    return (
        f"{part.filename} with SHA-256 {part.sha256[:12]}…, and {found.source} has another file of that name, with "
        f"{(found.sha256 or '')[:12]}…"
    )


def part_name(part: BridgePart) -> str:
    """Return a part as people name it: ``oneccl 2022.2.0``."""
    return f"{part.project} {part.version}"


def _listed(words: list[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def _other_provider(release: Release, situation: Situation) -> Package | None:
    installed = situation.facts.installed
    if isinstance(release, OneCclRelease):
        return installed.bridge
    return installed.bindings if isinstance(release, BridgeRelease) else None


def _has_to_be_made(release: BridgeRelease, situation: Situation) -> bool:
    """Say whether the parts matter: not offline, not for a bridge that is there or offered ready made."""
    if not situation.market.asked or is_installed(release, situation.facts):
        return False
    return best_offer(release, situation) is None
