"""Which file of a release to take, of those that sources offer."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from ipexenv.resolve.situation import admits, is_installed, project_of, public
from ipexenv.tables.schema import BridgeRelease, OneCclRelease, TorchRelease

if TYPE_CHECKING:
    from packaging.version import Version

    from ipexenv.outcome import Offer
    from ipexenv.resolve.situation import Release, Situation
    from ipexenv.tables.bridge import BridgePart

_CPU_LABELS = (None, "cpu")
_TORCH_LABELS = re.compile(r"cpu(\.cxx11\.abi)?|cu\d+")
"""Local labels of PyTorch's own builds that run on a CPU."""


def best_offer(release: Release, situation: Situation) -> Offer | None:
    """Return the file to take for exactly this release, None where nobody offers one.

    torch comes from PyTorch's CPU index (or the user's source) before the configured index, where it drags the CUDA
    libraries in; IPEX from the configured index first; the bindings never from a configured index, where nobody has
    registered their name, and the bridge, ready made, from nowhere but a source that the user names.
    """
    offers = [
        offer
        for offer in situation.offers.get(project_of(release), ())
        if _is_of(release, offer) and _acceptable(release, offer, situation)
    ]
    return min(offers, key=lambda offer: _rank(release, offer, situation), default=None)


def part_offers(part: BridgePart, situation: Situation) -> tuple[Offer, ...]:
    """Return where to have exactly this file from, best first: of the name, and of the SHA-256 where one is told."""
    offers = [offer for offer in situation.parts.get(part.filename, ()) if offer.sha256 in {None, part.sha256}]
    return tuple(sorted(offers, key=lambda offer: (offer.yanked is not None, *_place_rank(offer, situation))))


def part_offer(part: BridgePart, situation: Situation) -> Offer | None:
    """Return the best place to have exactly this file from, None where there is none."""
    return next(iter(part_offers(part, situation)), None)


def partner_offer(project: str, version: Version, situation: Situation) -> Offer | None:
    """Return the file to take for a package that moves along with torch, built like torch where there is a choice."""
    offers = [offer for offer in situation.offers.get(project, ()) if public(offer.version) == public(version)]
    return min(offers, key=lambda offer: (_label_rank(offer), *_place_rank(offer, situation)), default=None)


def _is_of(release: Release, offer: Offer) -> bool:
    version = offer.version if isinstance(release, BridgeRelease) else public(offer.version)
    return version == release.version


def _acceptable(release: Release, offer: Offer, situation: Situation) -> bool:
    if isinstance(release, TorchRelease):
        return _is_own_build(offer.version.local, situation) and admits(situation.request.torch, offer.version)
    if isinstance(release, BridgeRelease):
        return not offer.configured
    if offer.version.local not in _CPU_LABELS:
        return False
    return not (isinstance(release, OneCclRelease) and offer.configured)


def _is_own_build(label: str | None, situation: Situation) -> bool:
    """Say whether a build of torch is one of PyTorch's own, or the one that the user names with its label.

    To an engine ``2.8.0+anything`` is a 2.8.0, and a better one: whoever may put files on an index could slip it in.
    """
    if label is None or _TORCH_LABELS.fullmatch(label):
        return True
    wanted = (specifier.version for specifier in situation.request.torch or ())
    return any(version.endswith(f"+{label}") for version in wanted)


def _rank(release: Release, offer: Offer, situation: Situation) -> tuple[object, ...]:
    yanked = offer.yanked is not None
    if isinstance(release, TorchRelease):
        return (yanked, _label_rank(offer), offer.configured, *_place_rank(offer, situation))
    return (yanked, not offer.configured, *_place_rank(offer, situation))


def _label_rank(offer: Offer) -> int:
    return {"cpu": 0, None: 1}.get(offer.version.local, 2)


def _place_rank(offer: Offer, situation: Situation) -> tuple[int, str, str]:
    """Rank by the order in which sources were asked, then by name, so that the order of offers never matters."""
    order = {report.name: place for place, report in enumerate(situation.market.reports)}
    return order.get(offer.source, len(order)), offer.filename, offer.url


def is_proven(release: Release, situation: Situation) -> bool:
    """Say whether a file that the target accepts, or the installed release itself, proves more than the tables."""
    return is_installed(release, situation.facts) or best_offer(release, situation) is not None


def silent_sources(project: str, situation: Situation) -> tuple[str, ...]:
    """Return which sources that might serve the project failed, and how: ``intel-us failed (403 Forbidden)``."""
    serves = {source.name: {canonicalize_name(name) for name in source.serves} for source in situation.tables.sources}
    return tuple(
        f"{report.name} failed ({report.detail or 'no reason given'})"
        for report in situation.market.reports
        if report.state == "failed" and project in serves.get(report.name, {project})
    )
