"""Does what is installed fit together? For `status`: no request, no sources, nothing is chosen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from ipexenv.resolve.ccl_copies import ccl_copy_notes
from ipexenv.resolve.mixture import mixture_finding
from ipexenv.resolve.partners import numpy_finding, partner_findings
from ipexenv.resolve.rules import objections
from ipexenv.resolve.rules.bridge import BESIDE
from ipexenv.resolve.rules.supply import yanked_reason, yanked_words
from ipexenv.resolve.situation import (
    Situation,
    installed_torch,
    is_for_other_device,
    is_installed,
    minor_of,
    name_of,
    public,
    upstream,
)
from ipexenv.ruling import Market, Note, Request

if TYPE_CHECKING:
    from ipexenv.facts import Facts, Installed, Package
    from ipexenv.resolve.situation import Release, TorchInHand
    from ipexenv.ruling import CclProvider
    from ipexenv.tables.schema import BridgeRelease, Tables


@dataclass(frozen=True, kw_only=True, slots=True)
class Judgement:
    """Whether the installed packages fit each other, the Python and the host."""

    fits: bool | None
    """None where there is no pair to judge, or where the tables do not know it."""
    findings: tuple[Note, ...]
    """What does not fit (or could not be judged), most important first."""


def provider_of(installed: Installed) -> dict[str, str | None]:
    """Return provider and version of the installed ``ccl`` backend, as `resolve` names the one that it chooses.

    Of a mixture it is Intel's bindings: theirs is the metadata that libraries go by.
    """
    package = installed.bindings or installed.bridge
    if package is None:
        return {"provider": "none", "version": None}
    provider: CclProvider = "bridge" if package is installed.bridge else "bindings"
    return {"provider": provider, "version": str(package.version)}


class _Part(NamedTuple):
    """The judgement of one package."""

    against: tuple[Note, ...] = ()
    unknown: tuple[Note, ...] = ()
    aside: tuple[Note, ...] = ()


def judge(facts: Facts, tables: Tables) -> Judgement:
    """Judge the installed torch, IPEX, bindings or bridge, numpy, torchvision and torchaudio against the tables.

    ``fits`` is False as soon as one of them is known not to work with the torch, the Python or the host that are
    there; what was merely yanked, or is used with another torch patch than it was built for, is said and fits.
    """
    torch = installed_torch(facts, tables)
    installed = facts.installed
    if torch is None:
        three = (installed.ipex, installed.bindings, installed.bridge)
        orphans = [package for package in three if package is not None]
        missing = tuple(
            Note(code="torch", text=f"{p.name} {p.version} is installed, and torch is not") for p in orphans
        )
        return Judgement(fits=False if missing else None, findings=missing or (_note("no-torch", "no torch is there"),))
    there = Situation.of(facts, Request(allow_yanked=True), tables, Market()).with_torch(torch)
    parts = [
        _Part() if package is None else _known(package, rows, there, torch)
        for package, rows in ((installed.ipex, tables.ipex), (installed.bindings, tables.oneccl))
    ]
    if installed.bridge is not None:
        parts.append(_bridge(installed.bridge, tables.bridge, there))
    against = [note for part in parts for note in part.against]
    against += [note for note in (mixture_finding(facts), numpy_finding(torch.version, facts, tables)) if note]
    against += partner_findings(torch, facts)
    unknown = [note for part in parts for note in part.unknown]
    aside = [note for part in parts for note in part.aside]
    aside += ccl_copy_notes(facts)
    if installed.ipex is None:
        alone = installed.bindings is None and installed.bridge is None
        text = f"no IPEX is installed: torch {torch.version} works without (native stack)"
        (unknown if alone else aside).append(_note("no-ipex", text))
    return Judgement(fits=False if against else None if unknown else True, findings=(*against, *unknown, *aside))


def _known(package: Package, rows: tuple[Release, ...], there: Situation, torch: TorchInHand) -> _Part:
    named = f"{package.name} {package.version}"
    if is_for_other_device(package.version):
        text = f"{named} is a build for another device than the CPU"
        return _Part(against=(_note("other-device", text),))
    row = next((row for row in rows if row.version == public(package.version)), None)
    if row is None:
        return _unknown(package, torch)
    against = tuple(_note(found.rule, f"{found.release} {found.reason}") for found in objections(row, there))
    return _Part(against=against, aside=_asides(row, there, torch) if is_installed(row, there.facts) else ())


def _bridge(package: Package, rows: tuple[BridgeRelease, ...], there: Situation) -> _Part:
    """Judge the bridge by its own row, or by the newest where that is gone; an older revision fits, and is named."""
    if not rows:
        return _Part()
    row = next((row for row in rows if row.version == package.version), rows[-1])
    # That both are there is said once, and by a finding of its own.
    found = (rejection for rejection in objections(row, there) if rejection.rule != BESIDE)
    against = tuple(
        _note(rejection.rule, f"{package.name} {package.version} {rejection.reason}") for rejection in found
    )
    text = f"{package.name} {package.version} is installed, and {rows[-1].version} is newer: `ipexenv install` takes it"
    outdated = package.version < rows[-1].version
    return _Part(against=against, aside=(_note("older-bridge", text),) if outdated else ())


def _unknown(package: Package, torch: TorchInHand) -> _Part:
    """Judge a version that no table knows by the one rule that IPEX and the bindings always had: the same minor."""
    named = f"{package.name} {package.version}"
    if minor_of(package.version) != minor_of(torch.version):
        text = f"{named} is installed, and torch is {torch.version}: the minors have to agree"
        return _Part(against=(_note("torch", text),))
    return _Part(unknown=(_note("unknown-release", f"{named} stands in no table: nothing is known about it"),))


def _asides(row: Release, there: Situation, torch: TorchInHand) -> tuple[Note, ...]:
    pinned = getattr(row, "torch_pinned", None)
    reason = yanked_reason(row, there)
    drift = _note("patch-drift", f"{name_of(row)} was built for torch {pinned}, and torch {torch.version} is installed")
    yanked = _note("yanked", f"{name_of(row)} was yanked {yanked_words(reason or '')}")
    drifted = pinned is not None and pinned != upstream(torch.version)
    return (*((drift,) if drifted else ()), *((yanked,) if reason is not None else ()))


def _note(code: str, text: str) -> Note:
    return Note(code=code, text=text)
