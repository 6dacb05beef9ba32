"""Rules about the target's Python: implementation, version, free threading."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ipexenv.resolve.offers import is_proven
from ipexenv.resolve.situation import name_of, span
from ipexenv.ruling import Rejection
from ipexenv.tables.schema import BridgeRelease, TorchRelease

if TYPE_CHECKING:
    from ipexenv.resolve.situation import Release, Situation


def implementation(release: Release, situation: Situation) -> Rejection | None:
    """Reject everything on another Python than CPython: no wheel was ever built for one."""
    have = situation.facts.target.implementation
    if have == "cpython" or is_proven(release, situation):
        return None
    return Rejection(
        release=name_of(release), rule="implementation", reason=f"has wheels for CPython, and the target is {have}"
    )


def python(release: Release, situation: Situation) -> Rejection | None:
    """Reject a release without a wheel for the target's Python, unless a source really offers one."""
    if not release.python or situation.python in release.python or is_proven(release, situation):
        return None
    if isinstance(release, BridgeRelease):
        reason = f"needs Python {release.python}, and the target is Python {situation.python}"
        return Rejection(release=name_of(release), rule="python", reason=reason)
    reason = f"has wheels for Python {span(release.python)}, and the target is Python {situation.python}"
    return Rejection(release=name_of(release), rule="python", reason=reason)


def free_threaded(release: Release, situation: Situation) -> Rejection | None:
    """Reject IPEX, bindings and bridge on a free-threaded Python (``cp313t``); for torch the tables do not say."""
    if not situation.facts.target.free_threaded or isinstance(release, TorchRelease):
        return None
    if is_proven(release, situation):
        return None
    lacks = "was never tried on" if isinstance(release, BridgeRelease) else "has no wheel for"
    reason = f"{lacks} a free-threaded Python, and the target is Python {situation.python}t"
    return Rejection(release=name_of(release), rule="free-threaded", reason=reason)
