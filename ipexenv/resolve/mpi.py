"""Intel MPI's launcher beside the ccl backend (``--mpi``): exactly the wheel that the tables name, as it is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ipexenv.outcome import Note, Pin, Rejection
from ipexenv.resolve.offers import part_offer, silent_sources
from ipexenv.resolve.rules import objections
from ipexenv.resolve.rules.bridge import other_file, part_name
from ipexenv.resolve.rules.host import architecture, glibc, musl, operating_system
from ipexenv.resolve.rules.supply import yanked_words

if TYPE_CHECKING:
    from ipexenv.resolve.ccl import Ccl
    from ipexenv.resolve.situation import Situation
    from ipexenv.tables.bridge import BridgePart, BridgeRelease

_HOST_RULES = (operating_system, architecture, musl, glibc)


@dataclass(frozen=True, kw_only=True, slots=True)
class Mpi:
    """The decision about the launcher."""

    pins: tuple[Pin, ...] = ()
    notes: tuple[Note, ...] = ()
    rejections: tuple[Rejection, ...] = ()
    """What speaks against it although it is wanted."""


def choose_mpi(ccl: Ccl, situation: Situation) -> Mpi:
    """Return the pin of the launcher where it is wanted, and no pin where Intel's bindings bring one of their own."""
    if not situation.request.mpi:
        return Mpi()
    if ccl.provider == "bindings":
        text = "--mpi adds nothing: Intel's bindings bring Intel MPI with its launcher in their own wheel"
        return Mpi(notes=(Note(code="mpi-not-needed", text=text),))
    if not situation.tables.bridge:
        return Mpi(rejections=(Rejection(release="impi-rt", rule="unknown", reason="stands in no table"),))
    row = ccl.bridge or situation.tables.bridge[-1]
    part, installed = row.mpi, situation.facts.installed.mpi
    if installed is not None and installed.version == part.version:
        return Mpi(pins=(Pin(name=part.project, version=part.version, source="installed", installed=True),))
    against = _objections(row, situation)
    return Mpi(rejections=against) if against else Mpi(pins=(_pin(part, situation),))


def _objections(row: BridgeRelease, situation: Situation) -> tuple[Rejection, ...]:
    """Return what the host, the sources and the consents say against the wheel; it runs where the row's bridge does."""
    part = row.mpi
    found = [(rejection.rule, rejection.reason) for rejection in objections(row, situation, _HOST_RULES)]
    offer = part_offer(part, situation)
    if offer is None and part.filename in situation.parts:
        found.append(("wrong-file", f"is {other_file(part, situation)}"))
    elif offer is None and situation.market.asked:
        silent = silent_sources(part.project, situation)
        found.append(("no-source", "is served by no source" + (f", and {', '.join(silent)}" if silent else "")))
    elif offer is not None and offer.yanked is not None and not situation.request.allow_yanked:
        found.append(("yanked", f"was yanked {yanked_words(offer.yanked)}"))
    return tuple(Rejection(release=part_name(part), rule=rule, reason=reason) for rule, reason in found)


def _pin(part: BridgePart, situation: Situation) -> Pin:
    offer = part_offer(part, situation)
    if offer is None:
        return Pin(name=part.project, version=part.version, source="tables")
    exact = replace(offer, sha256=part.sha256)  # a folder tells none, and the engine then checks it
    return Pin(name=part.project, version=part.version, source=offer.source, offer=exact, yanked=offer.yanked)
