"""Rules about the release itself and where it can be had: broken, yanked, not for CPU, source only, unserved, false."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ipexenv.resolve.offers import best_offer, is_proven, silent_sources
from ipexenv.resolve.situation import is_installed, name_of, project_of, public
from ipexenv.ruling import Rejection
from ipexenv.tables.schema import BridgeRelease, IpexRelease, OneCclRelease, TorchRelease

if TYPE_CHECKING:
    from ipexenv.resolve.known import Barred
    from ipexenv.resolve.situation import Release, Situation


def broken(release: Release, situation: Situation) -> Rejection | None:  # noqa: ARG001 (every rule has one signature)
    """Reject a release that never worked for anyone; no option overrides this."""
    if isinstance(release, (TorchRelease, BridgeRelease)) or release.broken is None:
        return None
    return Rejection(release=name_of(release), rule="broken", reason=f"never works: {_sentence(release.broken)}")


def yanked(release: Release, situation: Situation) -> Rejection | None:
    """Reject a yanked release without consent; one that is already installed needs none.

    Of the bridge it is the wheels that it is made from that may be yanked, as a rule of its own says.
    """
    if situation.request.allow_yanked or is_installed(release, situation.facts) or isinstance(release, BridgeRelease):
        return None
    reason = yanked_reason(release, situation)
    if reason is None:
        return None
    return Rejection(release=name_of(release), rule="yanked", reason=f"was yanked {yanked_words(reason)}")


def yanked_reason(release: Release, situation: Situation) -> str | None:
    """Return why the release was yanked (may be empty), None where it was not."""
    known = None if isinstance(release, (OneCclRelease, BridgeRelease)) else release.yanked
    offer = best_offer(release, situation)
    return known if offer is None or offer.yanked is None else offer.yanked or known or ""


def yanked_words(reason: str) -> str:
    """Return the index's reason for people."""
    return f"({reason.strip().rstrip('.')})" if reason.strip() else "(no reason given)"


def on_index(release: Release, situation: Situation) -> Rejection | None:
    """Reject, where nobody named a torch, an IPEX release that was on Intel's own pages alone: they are gone."""
    settled = situation.request.torch is not None or (situation.torch is not None and situation.torch.installed)
    if settled or not isinstance(release, IpexRelease) or situation.python in release.python_on_index:
        return None
    if situation.python not in release.python or is_proven(release, situation):
        return None
    reason = f"was never on the package index for Python {situation.python}, and no torch was named that would need it"
    return Rejection(release=name_of(release), rule="not-on-index", reason=reason)


def for_cpu(release: Release, situation: Situation) -> Rejection | None:  # noqa: ARG001
    """Reject bindings that exist for XPU only."""
    if not isinstance(release, OneCclRelease) or release.cpu:
        return None
    return Rejection(release=name_of(release), rule="cpu", reason="was released for XPU only, never for CPU")


def has_wheel(release: Release, situation: Situation) -> Rejection | None:  # noqa: ARG001
    """Reject bindings that could only ever be built from source."""
    if not isinstance(release, OneCclRelease) or release.wheel or not release.cpu:
        return None
    return Rejection(release=name_of(release), rule="wheel", reason="was never a wheel: it has to be built from source")


def served(release: Release, situation: Situation) -> Rejection | None:
    """Reject what no source offers for the target, where sources were asked and it is not installed already.

    The bridge is served where its parts are, as a rule of its own says.
    """
    if not situation.market.asked or is_installed(release, situation.facts) or isinstance(release, BridgeRelease):
        return None
    if isinstance(release, OneCclRelease) and not (release.wheel and release.cpu):
        return None  # there is nothing to serve, as other rules say
    if best_offer(release, situation) is not None or _barred(release, situation) is not None:
        return None
    silent = silent_sources(project_of(release), situation)
    because = f", and {', '.join(silent)}" if silent else ""
    reason = f"is served by no source for Python {situation.python}{because}"
    return Rejection(release=name_of(release), rule="no-source", reason=reason)


def genuine(release: Release, situation: Situation) -> Rejection | None:
    """Reject what is offered under its name alone: as a file with another SHA-256 than the published one.

    With ``--require-known``, also what is offered as nothing but files of which no SHA-256 is known.
    """
    if not situation.market.asked or is_installed(release, situation.facts):
        return None
    if best_offer(release, situation) is not None:
        return None
    barred = _barred(release, situation)
    if barred is None:
        return None
    return Rejection(release=name_of(release), rule=barred.rule, reason=barred.reason)


def _barred(release: Release, situation: Situation) -> Barred | None:
    """Return the first offer of the release that may not be weighed; of the bridge it is the parts that count."""
    if isinstance(release, BridgeRelease):
        return None
    found = (one for one in situation.barred if one.offer.project == project_of(release))
    of_release = [one for one in found if public(one.offer.version) == release.version]
    return min(of_release, key=lambda one: (one.rule != "wrong-file", one.offer.source, one.offer.url), default=None)


def _sentence(text: str) -> str:
    return text[:1].lower() + text[1:].rstrip(".") if text[1:2].islower() else text.rstrip(".")
