"""The command that puts right what no longer fits: what was installed later has broken the pair. Each was tried."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from ipexenv.errors import IpexenvError
from ipexenv.facts import Package, TorchPackage
from ipexenv.resolve.cures import command_for
from ipexenv.resolve.fit import judge
from ipexenv.resolve.mixture import removal_command
from ipexenv.resolve.situation import minor_of, public, upstream
from ipexenv.resolve.solve import solve
from ipexenv.ruling import Market, Request
from ipexenv.tables.bridge import BRIDGE_PROJECT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ipexenv.facts import Facts, Installed
    from ipexenv.outcome import Resolution
    from ipexenv.ruling import CclChoice
    from ipexenv.tables.schema import Tables

_FACTS = {"torchvision": "torchvision", "torchaudio": "torchaudio", "impi-rt": "mpi", BRIDGE_PROJECT: "bridge"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Restoration:
    """One way to put it right."""

    words: str
    """What it does, as ``put torch 2.8 back``."""
    command: str


def restorations(facts: Facts, tables: Tables) -> tuple[Restoration, ...]:
    """Return up to two commands after which what is installed fits again, the one that undoes the change first.

    Each was decided, offline, and what it would leave was judged. Where bindings and bridge are both there, both have
    to be removed first, and the command begins with that. Nothing where no command would do.
    """
    installed = facts.installed
    first = ""
    if installed.bindings is not None and installed.bridge is not None:
        first = f"{removal_command(facts, installed.bridge, installed.bindings)} && "
        facts = replace(facts, installed=replace(installed, bindings=None, bridge=None))
    found: dict[tuple[str, ...], Restoration] = {}
    for words, request in _candidates(installed, tables):
        resolution = _resolved(request, facts, tables)
        if resolution is not None and judge(_after(resolution, facts), tables).fits is not False:
            outcome = tuple(f"{pin.name} {pin.version}" for pin in resolution.pins)
            found.setdefault(outcome, Restoration(words=words, command=first + command_for(request)))
    return tuple(found.values())[:2]


def _candidates(installed: Installed, tables: Tables) -> Iterator[tuple[str, Request]]:
    """Yield what might restore it: torch back to what the others were built for, or the others to the torch of now."""
    ccl: CclChoice = "none" if installed.bindings is None and installed.bridge is None else "auto"
    base = Request(stack="native" if installed.ipex is None else "ipex", ccl=ccl)
    bases = (base, replace(base, allow_yanked=True))
    torch = installed.torch
    for version in _built_for(installed, tables):
        if torch is None or version not in {str(upstream(torch.version)), str(minor_of(torch.version))}:
            wanted = SpecifierSet(f"=={version}" if version.count(".") > 1 else f"=={version}.*")
            for request in bases:
                yield f"put torch {version} back", replace(request, torch=wanted, allow_torch_change=True)
        elif _is_foreign(torch):
            for request in bases:
                wanted = SpecifierSet(f"=={public(torch.version)}")
                yield f"put torch {version} back", replace(request, torch=wanted, allow_torch_change=True)
    for request in bases:
        yield "put it right" if torch is None else f"keep torch {torch.version}", request


def _built_for(installed: Installed, tables: Tables) -> Iterator[str]:
    """Yield the torch of the installed IPEX, by its minor, and of the bindings, exactly."""
    ipex, bindings = installed.ipex, installed.bindings
    for row in tables.ipex:
        if ipex is not None and row.version == public(ipex.version) and row.torch_pinned is not None:
            yield str(minor_of(row.torch_pinned))
    for other in tables.oneccl:
        if bindings is not None and other.version == public(bindings.version):
            yield from (str(row.version) for row in tables.torch if other.torch.contains(row.version))


def _is_foreign(torch: TorchPackage) -> bool:
    return (torch.build or torch.version.local or "").startswith(("xpu", "rocm"))


def _resolved(request: Request, facts: Facts, tables: Tables) -> Resolution | None:
    try:
        return solve(facts, request, tables, Market())
    except IpexenvError:
        return None


def _after(resolution: Resolution, facts: Facts) -> Facts:
    """Return what would be there afterwards, as far as the tables speak about it."""
    changes: dict[str, Any] = {}
    for pin in resolution.pins:
        project = canonicalize_name(pin.name)
        if pin.installed:
            continue
        if project == "torch":
            changes["torch"] = TorchPackage(name=pin.name, version=pin.version)
        else:
            fact = _FACTS.get(project) or ("bindings" if "ccl" in project else "ipex")
            changes[fact] = Package(name=pin.name, version=pin.version)
    if resolution.constraints:  # the engine then puts numpy into the range that they name
        changes["numpy"] = None
    return replace(facts, installed=replace(facts.installed, **changes))
