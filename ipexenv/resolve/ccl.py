"""Where the ``ccl`` backend comes from: Intel's bindings where they fit, else the bridge, else nowhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ipexenv.resolve.bindings import choose_bindings
from ipexenv.resolve.bridge import choose_bridge

if TYPE_CHECKING:
    from packaging.version import Version

    from ipexenv.facts import Package
    from ipexenv.outcome import CclProvider, Note, Rejection, Request
    from ipexenv.resolve.situation import Situation
    from ipexenv.tables.schema import BridgeRelease, OneCclRelease


@dataclass(frozen=True, kw_only=True, slots=True)
class Ccl:
    """The decision about the ``ccl`` backend for one torch: one of ``release`` and ``bridge``, or neither."""

    release: OneCclRelease | None = None
    """The bindings to use."""
    bridge: BridgeRelease | None = None
    """The bridge to use."""
    kept: Package | None = None
    """The installed bridge where it stays although it is of another revision than ``bridge``."""
    reason: str | None = None
    """Why there is no provider, or why it is the bridge; None for bindings."""
    rejections: tuple[Rejection, ...] = ()
    notes: tuple[Note, ...] = ()

    @property
    def provider(self) -> CclProvider:
        """Return where the backend comes from."""
        if self.release is not None:
            return "bindings"
        return "none" if self.bridge is None else "bridge"

    @property
    def version(self) -> Version | None:
        """Return the provider's version, None where there is no provider."""
        if self.kept is not None:
            return self.kept.version
        chosen = self.release or self.bridge
        return None if chosen is None else chosen.version


def wanted_provider(request: Request) -> CclProvider | None:
    """Return the one provider that an answer must have, None where any will do: naming a version asks for bindings."""
    if request.ccl == "bindings" or request.ccl_version is not None:
        return "bindings"
    return "bridge" if request.ccl == "bridge" else None


def may_need_bridge(request: Request) -> bool:
    """Say whether an answer may need what the bridge is made from, or Intel MPI, which comes with it."""
    return request.mpi or (request.ccl in {"auto", "bridge"} and request.ccl_version is None)


def choose_ccl(situation: Situation) -> Ccl:
    """Decide for the torch in hand."""
    wanted = wanted_provider(situation.request)
    if situation.request.ccl == "none":
        return Ccl(reason="not wanted (--ccl none)")
    if wanted == "bridge":
        return _bridged(situation, reason="--ccl bridge asks for it")
    bindings = choose_bindings(situation)
    if bindings.release is not None or wanted == "bindings":
        return Ccl(
            release=bindings.release, reason=bindings.reason, rejections=bindings.rejections, notes=bindings.notes
        )
    return _bridged(situation, reason=bindings.reason or "", before=bindings.rejections)


def _bridged(situation: Situation, *, reason: str, before: tuple[Rejection, ...] = ()) -> Ccl:
    """Take the bridge for this reason; where it cannot be had, add why."""
    found = choose_bridge(situation)
    if found.release is None:
        both = found.reason if wanted_provider(situation.request) == "bridge" else f"{reason}; {found.reason}"
        return Ccl(reason=both, rejections=(*before, *found.rejections))
    return Ccl(
        bridge=found.release,
        kept=found.kept,
        reason=reason,
        rejections=(*before, *found.rejections),
        notes=found.notes,
    )
