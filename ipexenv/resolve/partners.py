"""What else hangs on torch: numpy, torchvision and torchaudio."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ipexenv.resolve.known import told_apart
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
    """Pin the partners that belong to another torch than this one, whether it is new or they were changed later.

    One that is a build for another device moves along with a new torch, and stays where torch stays.
    """
    pins: list[Pin] = []
    notes: list[Note] = []
    for package, version in partners_of(torch, situation.facts):
        moves = not torch.installed and is_for_other_device(package.version)
        if version is None and not torch.installed:
            text = f"the tables do not know which {package.name} belongs to torch {torch.version}: check it afterwards"
            notes.append(Note(code="partner", text=text))
        elif version is not None and (moves or not same_version(package.version, version)):
            pin = _pin(package, version, situation)
            if pin is not None:
                pins.append(pin)
                continue
            text = f"no source serves {package.name} {version}, which belongs to torch {torch.version}: it stays at "
            notes.append(Note(code="partner", text=text + str(package.version)))
    return Partners(pins=tuple(pins), notes=tuple(notes))


def _pin(package: Package, version: Version, situation: Situation) -> Pin | None:
    """Return the pin of a partner, None where sources were asked and none has it."""
    from ipexenv.outcome import Pin  # noqa: PLC0415 (start-up time: `status` only finds, and pins nothing)

    offer = partner_offer(package.name, version, situation)
    if offer is None:
        return None if situation.market.asked else Pin(name=package.name, version=version, source="tables")
    exact = told_apart(offer, situation.market.offers, installed=package)
    return Pin(name=package.name, version=offer.version, source=offer.source, offer=exact, yanked=offer.yanked)
