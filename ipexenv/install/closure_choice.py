"""Of several wheels of one release, the one that an installer would take for the target."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.utils import parse_wheel_filename
from packaging.version import Version

from ipexenv.facts import Libc
from ipexenv.probe.tags import wheel_tags

ASSUMED_GLIBC = Version("2.28")
"""For a machine of which nothing is said: what today's wheels of torch ask for, and uv's own default."""

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ipexenv.facts import Facts
    from ipexenv.ruling import Offer


def tags_for(facts: Facts) -> dict[str, int]:
    """Return the tags that the target accepts with their rank, 0 for the best.

    For a machine that is not here they follow from its Python, architecture and C library.
    """
    tags = facts.target.wheel_tags or wheel_tags(
        version=facts.target.version,
        abiflags=_abiflags(facts),
        machine=facts.host.architecture,
        libc=facts.host.libc if facts.host.libc.version is not None else Libc(family="glibc", version=ASSUMED_GLIBC),
    )
    return {tag: rank for rank, tag in enumerate(tags)}


def best_wheel(offers: Iterable[Offer], tags: Mapping[str, int]) -> Offer | None:
    """Return the offer with the best tag; of equal ones the highest build number. None where no tag is accepted."""
    ranked = [(rank, offer) for offer in offers if (rank := _rank(offer, tags)) is not None]
    return min(ranked, key=lambda pair: pair[0], default=(None, None))[1]


def _rank(offer: Offer, tags: Mapping[str, int]) -> tuple[int, int, str] | None:
    _, _, build, own = parse_wheel_filename(offer.filename)
    ranks = [tags[str(tag)] for tag in own if str(tag) in tags]
    return (min(ranks), -(build[0] if build else 0), offer.filename) if ranks else None


def _abiflags(facts: Facts) -> str:
    if facts.target.free_threaded:
        return "t"
    return "m" if facts.target.version.release[:2] < (3, 8) else ""
