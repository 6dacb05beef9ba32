"""The facts that clash, in words: of all objections, those that a person has to know."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.version import Version

from ipexenv.resolve.rules.torch import torch_in_words, torch_words
from ipexenv.resolve.situation import minor_of, name_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ipexenv.outcome import Rejection
    from ipexenv.resolve.refusal import Refusal
    from ipexenv.resolve.situation import Release, Situation
    from ipexenv.tables.schema import IpexRelease

_MOST = 4


def find_causes(refusal: Refusal, situation: Situation) -> tuple[tuple[str, ...], str]:
    """Return the causes, most important first, and the error code."""
    if refusal.kind == "torch-change":
        wanted = "another" if situation.request.torch is None else f"torch {torch_words(situation.request.torch)}"
        installed = situation.facts.installed.torch
        there = "another torch" if installed is None else f"torch {installed.version}"
        return (f"{there} is installed, and {wanted} is wanted",), "torch-change-refused"
    if refusal.kind in {"bindings", "bridge", "mpi"}:
        return (refusal.reason or "the tables know none",), f"{refusal.kind}-unavailable"
    if refusal.kind == "torch":
        return _torch_causes(refusal, situation)
    return _pair_causes(refusal, situation)


def _torch_causes(refusal: Refusal, situation: Situation) -> tuple[tuple[str, ...], str]:
    nearest = _nearest(situation.tables.torch, refusal.rejections)
    if not nearest:
        wanted = situation.request.torch
        which = "torch" if wanted is None else f"torch {torch_words(wanted)}"
        return (f"{which} is wanted, and the tables know no such release",), "no-compatible-torch"
    code = "yanked-refused" if _rules(nearest) == {"yanked"} else "no-compatible-torch"
    return _sentences(nearest), code


def _pair_causes(refusal: Refusal, situation: Situation) -> tuple[tuple[str, ...], str]:
    releases = situation.tables.ipex
    about_torch = {rejection.release for rejection in refusal.rejections if rejection.rule == "torch"}
    matching = [release for release in releases if name_of(release) not in about_torch]
    settled = refusal.torch is not None or situation.request.torch is not None
    if settled and not matching:
        return (_no_ipex_for_torch(refusal, situation),), "no-compatible-release"
    nearest = _nearest(matching or releases, refusal.rejections)
    code = "yanked-refused" if _rules(nearest) == {"yanked"} else "no-compatible-release"
    sentences = _sentences(nearest, about=_for_torch(refusal, situation))
    if not settled and releases:
        last = _objections_to(_last(releases), refusal.rejections)
        sentences += tuple(sentence for sentence in _sentences(last) if sentence not in sentences)
    return sentences[:_MOST], code


def _no_ipex_for_torch(refusal: Refusal, situation: Situation) -> str:
    """Say which side of the IPEX releases the torch lies on, or which release comes nearest."""
    version, subject = _settled_torch(refusal, situation)
    releases = situation.tables.ipex
    if not releases:
        return f"{subject}, and the tables hold no IPEX release"
    first, last = min(releases, key=lambda release: release.version), _last(releases)
    if minor_of(version) > minor_of(last.version):
        return f"{subject}, and the last IPEX release, {last.version}, needs torch {torch_words(last.torch)}"
    if minor_of(version) < minor_of(first.version):
        return f"{subject}, and the first IPEX release, {first.version}, needs torch {torch_words(first.torch)}"
    near = [release for release in releases if minor_of(release.version) == minor_of(version)]
    found = _objections_to(near[-1] if near else last, refusal.rejections)
    return next((f"{item.release} {item.reason}" for item in found if item.rule == "torch"), subject)


def _settled_torch(refusal: Refusal, situation: Situation) -> tuple[Version, str]:
    if refusal.torch is not None:
        return refusal.torch.version, torch_in_words(situation.with_torch(refusal.torch))
    wanted = torch_words(situation.request.torch) if situation.request.torch is not None else "0"
    return Version(wanted.removesuffix(".*")), f"torch {wanted.removesuffix('.*')} is wanted"


def _for_torch(refusal: Refusal, situation: Situation) -> str:
    if refusal.torch is None:
        return ""
    how = "the installed torch" if refusal.torch.installed else "torch"
    return f", the IPEX release for {how} {refusal.torch.version}," if situation.tables.ipex else ""


def _nearest(releases: Sequence[Release], rejections: Sequence[Rejection]) -> list[Rejection]:
    """Return the objections to the release that comes nearest: consent is enough, not broken, fewest, newest."""
    best: tuple[tuple[bool, bool, int], list[Rejection]] | None = None
    for release in sorted(releases, key=lambda release: release.version, reverse=True):
        found = _objections_to(release, rejections)
        rank = (_rules(found) != {"yanked"}, "broken" in _rules(found), len(found))
        if found and (best is None or rank < best[0]):
            best = (rank, found)
    return [] if best is None else best[1]


def _objections_to(release: Release, rejections: Iterable[Rejection]) -> list[Rejection]:
    return [rejection for rejection in rejections if rejection.release == name_of(release)]


def _rules(rejections: Iterable[Rejection]) -> set[str]:
    return {rejection.rule for rejection in rejections}


def _sentences(rejections: Iterable[Rejection], *, about: str = "") -> tuple[str, ...]:
    return tuple(f"{rejection.release}{about} {rejection.reason}" for rejection in rejections)


def _last(releases: Sequence[IpexRelease]) -> IpexRelease:
    return max(releases, key=lambda release: release.version)
