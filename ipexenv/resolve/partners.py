"""What else hangs on torch: numpy, torchvision and torchaudio."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ipexenv.resolve.offers import partner_offer
from ipexenv.resolve.situation import is_for_other_device, minor_of, public, same_version, upstream
from ipexenv.ruling import Note

if TYPE_CHECKING:
    from packaging.specifiers import SpecifierSet
    from packaging.version import Version

    from ipexenv.facts import Facts, Package
    from ipexenv.outcome import Pin
    from ipexenv.resolve.situation import Situation, TorchInHand
    from ipexenv.tables.schema import Tables


@dataclass(frozen=True, kw_only=True, slots=True)
class Partners:
    """Packages that move along with torch, and what to say about those that do not."""

    pins: tuple[Pin, ...] = ()
    notes: tuple[Note, ...] = ()


def numpy_range(torch: Version, tables: Tables) -> SpecifierSet | None:
    """Return the numpy that this torch works with, None where any does; an unknown patch goes by its minor."""
    rows = [row for row in tables.torch if minor_of(row.version) == minor_of(torch)]
    row = next((row for row in rows if row.version == upstream(torch)), rows[-1] if rows else None)
    return row.numpy if row is not None and str(row.numpy) else None


def numpy_finding(torch: Version, facts: Facts, tables: Tables) -> Note | None:
    """Return what is wrong with the installed numpy, None where nothing is."""
    numpy, wanted = facts.installed.numpy, numpy_range(torch, tables)
    if numpy is None or wanted is None or wanted.contains(numpy.version, prereleases=True):
        return None
    return Note(code="numpy", text=f"numpy {numpy.version} is installed, and torch {torch} needs numpy{wanted}")


def partners_of(torch: TorchInHand, facts: Facts) -> tuple[tuple[Package, Version | None], ...]:
    """Return each installed partner with the version that belongs to this torch, None where the tables do not say."""
    row = torch.row
    pairs = (
        (facts.installed.torchvision, None if row is None else row.torchvision),
        (facts.installed.torchaudio, None if row is None else row.torchaudio),
    )
    return tuple((package, version) for package, version in pairs if package is not None)


def partner_findings(torch: TorchInHand, facts: Facts) -> tuple[Note, ...]:
    """Return which installed partners belong to another torch."""
    return tuple(
        Note(
            code="partner",
            text=f"{package.name} {package.version} is installed, and {version} belongs to torch {torch.version}",
        )
        for package, version in partners_of(torch, facts)
        if version is not None and public(package.version) != version
    )


def choose_partners(torch: TorchInHand, situation: Situation) -> Partners:
    """Pin the partners that must move along with a new torch; where torch stays, only say what does not match."""
    facts = situation.facts
    if torch.installed:
        return Partners(notes=partner_findings(torch, facts))
    pins: list[Pin] = []
    notes: list[Note] = []
    for package, version in partners_of(torch, facts):
        if version is None:
            text = f"the tables do not know which {package.name} belongs to torch {torch.version}: check it afterwards"
            notes.append(Note(code="partner", text=text))
        elif not same_version(package.version, version) or is_for_other_device(package.version):
            pins.append(_pin(package, version, situation))
    return Partners(pins=tuple(pins), notes=tuple(notes))


def _pin(package: Package, version: Version, situation: Situation) -> Pin:
    from ipexenv.outcome import Pin  # noqa: PLC0415 (start-up time: `status` only finds, and pins nothing)

    offer = partner_offer(package.name, version, situation)
    if offer is None:
        source = "configured index" if situation.market.asked else "tables"
        return Pin(name=package.name, version=version, source=source)
    return Pin(name=package.name, version=offer.version, source=offer.source, offer=offer, yanked=offer.yanked)
