"""Which torch a decision may be made for: the installed one, or one that could be installed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from packaging.version import Version

from ipexenv.resolve.offers import best_offer
from ipexenv.resolve.rules import OTHER_RULES, objections
from ipexenv.resolve.situation import TorchInHand, abi_of, admits, installed_torch

if TYPE_CHECKING:
    from packaging.specifiers import SpecifierSet

    from ipexenv.outcome import Offer, Rejection
    from ipexenv.resolve.situation import Situation
    from ipexenv.tables.schema import TorchRelease


__all__ = ["Torches", "installable_torches", "installed_torch", "torch_offer", "wanted_label", "why_none"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Torches:
    """The torches to choose from, best first, and what speaks against the others."""

    usable: tuple[TorchInHand, ...]
    known: tuple[Version, ...] = ()
    """Versions of the tables that the request allows, usable here or not."""
    rejections: tuple[Rejection, ...] = ()
    named: bool = False
    """Whether the request names which torch to have."""

    @property
    def settled(self) -> TorchInHand | None:
        """Return the one torch that it can only be: installed, or named and the only one of that name; else None."""
        one = self.usable[0] if len(self.usable) == 1 else None
        return one if one is not None and (one.installed or self.named) else None


def installable_torches(situation: Situation) -> Torches:
    """Return the torches of the tables that the request allows and that this host and Python can run, best first.

    Best is what was not yanked, then the newest.

    On the native stack a version that the user names exactly may also come from a source alone.
    """
    usable: list[TorchInHand] = []
    rejections: list[Rejection] = []
    wanted = [row for row in situation.tables.torch if _is_wanted(row, situation.request.torch)]
    for row in reversed(wanted):
        against = objections(row, situation, OTHER_RULES)
        rejections += against
        if not against:
            usable.append(_in_hand(row, situation))
    if not wanted and situation.request.stack == "native":
        usable += _offered_alone(situation)
    usable.sort(key=lambda torch: (torch.row is None or torch.row.yanked is None, torch.version), reverse=True)
    known = tuple(row.version for row in wanted)
    named = situation.request.torch is not None
    return Torches(usable=tuple(usable), known=known, rejections=tuple(rejections), named=named)


def wanted_label(wanted: SpecifierSet | None) -> str | None:
    """Return the local label that ``--torch 2.8.0+cpu`` names, None where it names none."""
    for specifier in wanted or ():
        if "+" in specifier.version:
            return Version(specifier.version).local
    return None


def _is_wanted(row: TorchRelease, wanted: SpecifierSet | None) -> bool:
    """Say whether the request allows a torch of the tables; a local label in the request counts for every row."""
    label = wanted_label(wanted)
    return admits(wanted, row.version if label is None else Version(f"{row.version}+{label}"))


def _in_hand(row: TorchRelease, situation: Situation) -> TorchInHand:
    offer = best_offer(row, situation)
    label = wanted_label(situation.request.torch)
    if offer is not None:
        version = offer.version
    else:
        version = row.version if label is None else Version(f"{row.version}+{label}")
    return TorchInHand(version=version, build=version.local, cxx11_abi=abi_of(row, version.local), row=row)


def _offered_alone(situation: Situation) -> tuple[TorchInHand, ...]:
    """Return what sources offer under a torch version that the user named exactly and the tables do not know."""
    wanted = situation.request.torch
    if wanted is None or any(specifier.version.endswith("*") for specifier in wanted):
        return ()
    versions = {offer.version for offer in situation.offers.get("torch", ()) if admits(wanted, offer.version)}
    newest = sorted(versions, key=lambda version: (version.local == "cpu", version), reverse=True)
    return tuple(TorchInHand(version=version, build=version.local) for version in newest)


def torch_offer(torch: TorchInHand, situation: Situation) -> Offer | None:
    """Return the file that this torch would come from."""
    if torch.row is not None:
        return best_offer(torch.row, situation)
    offers = [offer for offer in situation.offers.get("torch", ()) if offer.version == torch.version]
    return min(offers, key=lambda offer: (offer.configured, offer.source, offer.filename), default=None)


def why_none(wanted: SpecifierSet | None, torches: Torches) -> str:
    """Return why no torch of a range can be had here, for people: the newest version's first objection."""
    for rejection in torches.rejections:
        version = Version(rejection.release.split()[-1])
        if admits(wanted, version):
            return f"{rejection.release} {rejection.reason}"
    return "no such torch can be had"
