"""Which offers may be weighed at all: the wheels that the tables know, by their SHA-256, have no doubles."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from packaging.version import Version

    from ipexenv.facts import Package
    from ipexenv.ruling import Offer
    from ipexenv.tables.hashes import KnownFiles


@dataclass(frozen=True, kw_only=True, slots=True)
class Barred:
    """One offer that is not weighed, and why not."""

    offer: Offer
    rule: Literal["wrong-file", "unknown-file"]
    reason: str


def admit(
    offers: Iterable[Offer], known: KnownFiles, *, require_known: bool, makeable: Collection[str] = ()
) -> tuple[tuple[Offer, ...], tuple[Barred, ...]]:
    """Return the offers that may be weighed, and the others.

    A file of a known name has the known SHA-256, or it is out; where its source tells none, the known one holds. With
    ``require_known`` a file of another name is out as well, but for names in ``makeable``: those wheels ipexenv makes
    itself, and proves when they are here that they are what it would make.
    """
    judged = [_judged(offer, known, require_known=require_known and offer.filename not in makeable) for offer in offers]
    fit = tuple(found for found in judged if not isinstance(found, Barred))
    return fit, tuple(found for found in judged if isinstance(found, Barred))


def _judged(offer: Offer, known: KnownFiles, *, require_known: bool) -> Offer | Barred:
    file = known.get(offer.filename)
    if file is None:
        if not require_known:
            return offer
        reason = f"is offered by {offer.source} as {offer.filename}, whose SHA-256 stands in no table (--require-known)"
        return Barred(offer=offer, rule="unknown-file", reason=reason)
    if offer.sha256 is None:
        return replace(offer, sha256=file.sha256)
    if offer.sha256.lower() == file.sha256:
        return offer
    reason = (
        f"is offered by {offer.source} as {offer.filename} with SHA-256 {offer.sha256[:12].lower()}…, "
        f"and the published file has {file.sha256[:12]}…"
    )
    return Barred(offer=offer, rule="wrong-file", reason=reason)


def told_apart(offer: Offer, others: Iterable[Offer], *, installed: Package | None) -> Offer:
    """Return the offer as it has to be asked for.

    Where the engine, left to itself, could take another of the ``others`` for the same version, or be content with what
    is ``installed`` (to it ``2.8.0+xpu`` serves for ``2.8.0``), the offer counts as one that it is not configured for:
    asked for by URL and SHA-256.
    """
    if not offer.configured:
        return offer
    content = installed is not None and _is_double(installed.version, offer.version)
    rivalled = offer.sha256 is not None and any(_is_rival(other, offer) for other in others)
    return replace(offer, configured=False) if content or rivalled else offer


def _is_double(one: Version, other: Version) -> bool:
    return one != other and one.public == other.public


def _is_rival(other: Offer, offer: Offer) -> bool:
    if other.project != offer.project:
        return False
    false = other.filename == offer.filename and other.sha256 not in {None, offer.sha256}
    return false or _is_double(other.version, offer.version)
