"""Pairs of torch and IPEX that fit each other, the host and the Python, best first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ipexenv.outcome import Rejection
from ipexenv.resolve.rules import OTHER_RULES, TORCH_RULES, objections
from ipexenv.resolve.rules.supply import yanked_reason
from ipexenv.resolve.rules.torch import torch_words
from ipexenv.resolve.situation import is_installed, minor_of, name_of, upstream
from ipexenv.resolve.torches import why_none

if TYPE_CHECKING:
    from packaging.version import Version

    from ipexenv.resolve.situation import Situation, TorchInHand
    from ipexenv.resolve.torches import Torches
    from ipexenv.tables.schema import IpexRelease


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """One torch and one IPEX release that no rule objects to."""

    torch: TorchInHand
    ipex: IpexRelease

    @property
    def is_exact(self) -> bool:
        """Say whether the release was built for exactly this torch."""
        return self.ipex.torch_pinned == upstream(self.torch.version)


@dataclass(frozen=True, kw_only=True, slots=True)
class Pairs:
    """What can be had, best first, and what speaks against the rest, newest release first."""

    fitting: tuple[Pair, ...]
    rejections: tuple[Rejection, ...]


def find_pairs(situation: Situation, torches: Torches) -> Pairs:
    """Match every IPEX release with every torch, collecting all objections of all releases.

    Best is, in this order: what is installed already; what the index has and did not yank; the newest torch minor; the
    torch that the release was built for; the newest release; the newest torch patch.
    """
    fitting: list[Pair] = []
    rejections: list[Rejection] = []
    for release in reversed(situation.tables.ipex):
        against = objections(release, situation, OTHER_RULES)
        matching, about_torch = _match(release, situation, torches, otherwise_fits=not against)
        against = (*about_torch, *against)
        rejections += against
        if not against:
            fitting += [Pair(torch=torch, ipex=release) for torch in matching]
    fitting.sort(key=lambda pair: _preference(pair, situation), reverse=True)
    return Pairs(fitting=tuple(fitting), rejections=tuple(rejections))


def _match(
    release: IpexRelease, situation: Situation, torches: Torches, *, otherwise_fits: bool
) -> tuple[list[TorchInHand], tuple[Rejection, ...]]:
    """Return the torches that the release goes with, and the objections where there are none."""
    if torches.settled is not None:
        against = objections(release, situation.with_torch(torches.settled), TORCH_RULES)
        return [] if against else list(torches.usable), against
    near = [torch for torch in torches.usable if release.torch.contains(torch.version, prereleases=True)]
    found = [objections(release, situation.with_torch(torch), TORCH_RULES) for torch in near]
    matching = [torch for torch, against in zip(near, found, strict=True) if not against]
    if matching:
        return matching, ()
    if found:  # the version is right, and something else about the torch is not
        return [], found[0]
    no_torch = _no_torch(release, situation, torches, otherwise_fits=otherwise_fits)
    return [], () if no_torch is None else (no_torch,)


def _no_torch(
    release: IpexRelease, situation: Situation, torches: Torches, *, otherwise_fits: bool
) -> Rejection | None:
    """Object for want of a torch; where the host cannot run the release anyway, that it has none adds nothing."""
    wanted = situation.request.torch
    needs = f"needs torch {torch_words(release.torch)}"
    if any(release.torch.contains(version) for version in torches.known) or wanted is None:
        if not otherwise_fits:
            return None
        reason = f"{needs}, and {why_none(release.torch, torches)}"
    elif not torches.known:
        reason = f"{needs}, and the tables know no torch {torch_words(wanted)}, which is wanted"
    else:
        reason = f"{needs}, and torch {torch_words(wanted)} is wanted"
    return Rejection(release=name_of(release), rule="torch", reason=reason)


def _preference(pair: Pair, situation: Situation) -> tuple[bool, bool, Version, bool, Version, Version]:
    return (
        is_installed(pair.ipex, situation.facts),
        bool(pair.ipex.python_on_index) and yanked_reason(pair.ipex, situation) is None,
        minor_of(pair.torch.version),
        pair.is_exact,
        pair.ipex.version,
        pair.torch.version,
    )
