"""Which torch and which bindings go with each IPEX release: the tables joined. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ipexenv.tables.bridge import BridgeRelease
from ipexenv.tables.releases import IpexRelease, OneCclRelease, TorchRelease

if TYPE_CHECKING:
    from collections.abc import Callable

    from packaging.specifiers import SpecifierSet
    from packaging.version import Version

    from ipexenv.tables.schema import Tables

Release = IpexRelease | OneCclRelease | TorchRelease | BridgeRelease


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """What to show; None shows all."""

    torch: SpecifierSet | None = None
    python: Version | None = None
    """A Python minor, as ``3.11``."""
    runs_there: Callable[[Release], bool] | None = None
    """Whether a release has a wheel for the platform that is asked for."""

    def takes(self, release: Release) -> bool:
        """Say whether a release suits the Python and the platform that are asked for."""
        if self.python is not None and self.python not in release.python:
            return False
        return self.runs_there is None or self.runs_there(release)

    def takes_torch(self, torch: Version) -> bool:
        """Say whether a version of torch is one of those asked for."""
        return self.torch is None or self.torch.contains(torch, prereleases=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class Joined:
    """One IPEX release with everything that goes with it."""

    ipex: IpexRelease
    torch: tuple[TorchRelease, ...]
    """The versions of torch that it serves, oldest first; empty where the tables know none of them."""
    bindings: tuple[OneCclRelease, ...]
    """The wheels for CPU that serve at least one of those, oldest first."""
    bridge: BridgeRelease | None = None
    """The newest bridge that serves at least one of those."""

    @property
    def best_torch(self) -> TorchRelease | None:
        """Return the torch that the release was built against, or the newest patch where that is not known."""
        newest = self.torch[-1] if self.torch else None
        return next((torch for torch in self.torch if torch.version == self.ipex.torch_pinned), newest)


def join(tables: Tables, wanted: Wanted) -> tuple[Joined, ...]:
    """Join the tables and return what is wanted, oldest release first."""
    torches = wanted_torch(tables, wanted)
    rows = []
    for ipex in tables.ipex:
        served = tuple(torch for torch in torches if ipex.torch.contains(torch.version, prereleases=True))
        if wanted.takes(ipex) and (served or _torch_is_new(ipex, tables, wanted)):
            bindings = _bindings_for(ipex, served, tables, wanted)
            bridge = _bridge_for(ipex, served, tables, wanted)
            rows.append(Joined(ipex=ipex, torch=served, bindings=bindings, bridge=bridge))
    return tuple(rows)


def wanted_torch(tables: Tables, wanted: Wanted) -> tuple[TorchRelease, ...]:
    """Return the wanted versions of torch, those without any IPEX included."""
    return tuple(torch for torch in tables.torch if wanted.takes_torch(torch.version) and wanted.takes(torch))


def wanted_bindings(tables: Tables, wanted: Wanted) -> tuple[OneCclRelease, ...]:
    """Return the wanted bindings, those without a wheel for CPU included unless a filter is set."""
    if wanted == Wanted():
        return tables.oneccl
    torches = wanted_torch(tables, wanted)
    return tuple(
        bindings
        for bindings in tables.oneccl
        if wanted.takes(bindings) and any(serves(bindings, torch.version) for torch in torches)
    )


def wanted_bridges(tables: Tables, wanted: Wanted) -> tuple[BridgeRelease, ...]:
    """Return the wanted bridges: those that serve one of the wanted versions of torch, any of which need no IPEX."""
    torches = wanted_torch(tables, wanted)
    return tuple(
        bridge
        for bridge in tables.bridge
        if wanted.takes(bridge) and any(bridge.torch.contains(torch.version, prereleases=True) for torch in torches)
    )


def serves(bindings: OneCclRelease, torch: Version) -> bool:
    """Say whether bindings are for this torch: in their range, and not excluded from it by name."""
    return bindings.torch.contains(torch, prereleases=True) and torch not in bindings.not_torch


def _torch_is_new(ipex: IpexRelease, tables: Tables, wanted: Wanted) -> bool:
    """Say whether a row stands for a torch that has no row of its own yet, and is wanted all the same."""
    if any(ipex.torch.contains(torch.version, prereleases=True) for torch in tables.torch):
        return False
    return wanted.torch is None or (ipex.torch_pinned is not None and wanted.takes_torch(ipex.torch_pinned))


def _bindings_for(
    ipex: IpexRelease, served: tuple[TorchRelease, ...], tables: Tables, wanted: Wanted
) -> tuple[OneCclRelease, ...]:
    return tuple(
        bindings
        for bindings in tables.oneccl
        if bindings.cpu
        and bindings.wheel
        and wanted.takes(bindings)
        and not set(bindings.python).isdisjoint(ipex.python)
        and any(serves(bindings, torch.version) for torch in served)
    )


def _bridge_for(
    ipex: IpexRelease, served: tuple[TorchRelease, ...], tables: Tables, wanted: Wanted
) -> BridgeRelease | None:
    suiting = (
        bridge
        for bridge in reversed(tables.bridge)
        if wanted.takes(bridge)
        and any(python in bridge.python for python in ipex.python)
        and any(bridge.torch.contains(torch.version, prereleases=True) for torch in served)
    )
    return next(suiting, None)
