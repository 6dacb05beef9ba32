"""Pins: the exact file, or what is there already, of each thing that was chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ipexenv.outcome import Pin
from ipexenv.resolve.known import told_apart
from ipexenv.resolve.offers import best_offer, part_offers
from ipexenv.resolve.rules.supply import yanked_reason
from ipexenv.resolve.situation import distribution_of, installed_of, is_installed
from ipexenv.resolve.torches import torch_offer
from ipexenv.tables.bridge import BRIDGE_PROJECT

if TYPE_CHECKING:
    from ipexenv.outcome import Offer
    from ipexenv.resolve.ccl import Ccl
    from ipexenv.resolve.situation import Situation, TorchInHand
    from ipexenv.tables.schema import BridgeRelease, IpexRelease, OneCclRelease


def torch_pin(torch: TorchInHand, there: Situation) -> Pin:
    """Return the pin of torch."""
    if torch.installed:
        return Pin(name="torch", version=torch.version, source="installed", installed=True)
    offer = torch_offer(torch, there)
    yanked = None if torch.row is None else yanked_reason(torch.row, there)
    if offer is None:
        return Pin(name="torch", version=torch.version, source="tables", yanked=yanked)
    exact = told_apart(offer, there.market.offers, installed=there.facts.installed.torch)
    return Pin(name="torch", version=offer.version, source=offer.source, yanked=yanked, offer=exact)


def release_pin(release: IpexRelease | OneCclRelease, there: Situation) -> Pin:
    """Return the pin of IPEX or of Intel's bindings."""
    name, yanked = distribution_of(release), yanked_reason(release, there)
    package = installed_of(release, there.facts)
    if package is not None and is_installed(release, there.facts):
        return Pin(name=name, version=package.version, source="installed", yanked=yanked, installed=True)
    offer = best_offer(release, there)
    if offer is None:
        return Pin(name=name, version=release.version, source="tables", yanked=yanked)
    exact = told_apart(offer, there.market.offers, installed=package)
    return Pin(name=name, version=offer.version, source=offer.source, yanked=yanked, offer=exact)


def ccl_pins(ccl: Ccl, there: Situation) -> tuple[Pin, ...]:
    """Return the pin of the ccl provider, none where there is no provider."""
    if ccl.release is not None:
        return (release_pin(ccl.release, there),)
    if ccl.bridge is None:
        return ()
    if ccl.kept is not None:
        return (Pin(name=BRIDGE_PROJECT, version=ccl.kept.version, source="installed", installed=True),)
    return (_bridge_pin(ccl.bridge, there),)


def _bridge_pin(release: BridgeRelease, there: Situation) -> Pin:
    """Return the bridge that is there, or is offered ready made, or what to build it from."""
    if is_installed(release, there.facts):
        return Pin(name=BRIDGE_PROJECT, version=release.version, source="installed", installed=True)
    ready = best_offer(release, there)
    if ready is not None:
        return Pin(name=BRIDGE_PROJECT, version=release.version, source=ready.source, offer=ready, yanked=ready.yanked)
    found = [part_offers(part, there) for part in release.parts]
    parts = tuple(offer for offers in found for offer in offers[:1])
    spare = tuple(offer for offers in found for offer in offers[1:] if offer.yanked is None)
    return Pin(
        name=BRIDGE_PROJECT,
        version=release.version,
        source=_sources(parts) or "tables",
        yanked=next((part.yanked for part in parts if part.yanked is not None), None),
        bridge=release,
        parts=parts,
        spare_parts=spare,
    )


def _sources(parts: tuple[Offer, ...]) -> str:
    return ", ".join(dict.fromkeys(part.source for part in parts))
