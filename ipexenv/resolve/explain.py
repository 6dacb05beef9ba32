"""Why a decision came out as it did: a reason for each choice, and the objections to each rejected release."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from ipexenv.resolve.rules.torch import torch_words
from ipexenv.resolve.situation import project_of, public, upstream
from ipexenv.tables.bridge import BRIDGE_PROJECT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ipexenv.outcome import Pin, Request, Resolution
    from ipexenv.tables.schema import IpexRelease, OneCclRelease, Tables


@dataclass(frozen=True, kw_only=True, slots=True)
class Rejected:
    """All that speaks against one release."""

    distribution: str
    version: str
    reasons: tuple[str, ...]


def explain_choices(resolution: Resolution, request: Request, tables: Tables) -> tuple[tuple[str, str], ...]:
    """Return each chosen distribution with the reason for its version."""
    return tuple((pin.name, _why(pin, resolution, request, tables)) for pin in resolution.pins)


def group_rejections(rejections: Iterable[Mapping[str, str]]) -> tuple[Rejected, ...]:
    """Return one entry for each rejected release, in the order of its first objection.

    A second half that an earlier entry of the same distribution has said already (``, and torch 2.7.0 is installed``)
    is left out. Takes rejections as ``rejection_as_mapping`` makes them, since a refusal holds them as data.
    """
    found: dict[str, list[str]] = {}
    for rejection in rejections:
        found.setdefault(rejection["release"], []).append(rejection["reason"])
    said: set[tuple[str, str]] = set()
    groups: list[Rejected] = []
    for release, reasons in found.items():
        distribution, _, version = release.rpartition(" ")
        short = tuple(_unsaid(reason, distribution, said) for reason in reasons)
        groups.append(Rejected(distribution=distribution, version=version, reasons=short))
    return tuple(groups)


def _unsaid(reason: str, distribution: str, said: set[tuple[str, str]]) -> str:
    head, comma, tail = reason.partition(", and ")
    if (distribution, tail) in said:
        return head
    said.add((distribution, tail))
    return f"{head}{comma}{tail}"


def _why(pin: Pin, resolution: Resolution, request: Request, tables: Tables) -> str:
    if pin.name == "torch":
        return _why_torch(pin, resolution, request, tables)
    if pin.name == BRIDGE_PROJECT:
        return _why_bridge(pin, resolution)
    if pin.name in {release.mpi.project for release in tables.bridge}:
        return "Intel MPI with its launcher, asked for with --mpi"
    torch = upstream(resolution.torch)
    for release in tables.ipex:
        if project_of(release) == canonicalize_name(pin.name) and release.version == public(pin.version):
            return _why_ipex(release, pin, resolution)
    for bindings in tables.oneccl:
        if project_of(bindings) == canonicalize_name(pin.name) and bindings.version == public(pin.version):
            return _why_bindings(bindings, resolution)
    return f"the release that belongs to torch {torch}"


def _why_torch(pin: Pin, resolution: Resolution, request: Request, tables: Tables) -> str:
    if pin.installed:
        return "it is installed, and nothing speaks against keeping it"
    asked = "" if request.torch is None else f"torch {torch_words(request.torch)} is wanted"
    for release in tables.ipex:
        chosen = any(p.name == release.package and public(p.version) == release.version for p in resolution.pins)
        if chosen and release.torch_pinned == upstream(pin.version):
            return "; ".join(filter(None, (asked, f"IPEX {release.version} was built for exactly this one")))
    return asked or "the newest that the target's Python and host can run"


def _why_ipex(release: IpexRelease, pin: Pin, resolution: Resolution) -> str:
    torch = upstream(resolution.torch)
    if release.torch_pinned == torch:
        built = f"built for exactly torch {torch}"
    else:
        built = f"made for torch {torch_words(release.torch)}, which {torch} is one of"
    return f"it is installed; {built}" if pin.installed else f"{built}; nothing newer fits"


def _why_bridge(pin: Pin, resolution: Resolution) -> str:
    return "; ".join(filter(None, ("it is installed" if pin.installed else "", resolution.ccl_reason)))


def _why_bindings(bindings: OneCclRelease, resolution: Resolution) -> str:
    return f"its table names torch {torch_words(bindings.torch)}, which {upstream(resolution.torch)} is"
