"""The bridge: whether it serves the torch in hand, and whether the one that is installed may stay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ipexenv.outcome import Note
from ipexenv.resolve.rules import RULES, objections
from ipexenv.resolve.rules.bridge import SUPPLY_RULES

if TYPE_CHECKING:
    from ipexenv.facts import Package
    from ipexenv.outcome import Rejection
    from ipexenv.resolve.situation import Situation
    from ipexenv.tables.schema import BridgeRelease

    Against = dict[BridgeRelease, tuple[Rejection, ...]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Bridge:
    """The decision about the bridge for one torch."""

    release: BridgeRelease | None = None
    kept: Package | None = None
    """The installed one where it stays, of an older revision or a newer; ``release`` is then what it was judged by."""
    reason: str | None = None
    """Why there is none; None where there is one."""
    rejections: tuple[Rejection, ...] = ()
    notes: tuple[Note, ...] = ()


def choose_bridge(situation: Situation) -> Bridge:
    """Return the newest bridge that serves the torch in hand; an installed one gives way to a newer one alone.

    Where the newer cannot be made, for want of what it is made from, an installed one that serves the torch stays.
    """
    installed = situation.facts.installed.bridge
    against = {release: objections(release, situation, RULES) for release in reversed(situation.tables.bridge)}
    rejections = tuple(rejection for found in against.values() for rejection in found)
    best = next((release for release, found in against.items() if not found), None)
    judge = None if installed is None else _judge_of(installed, against)
    if installed is not None and judge is not None and (best is None or installed.version > best.version):
        return Bridge(release=judge, kept=installed, rejections=rejections, notes=_why_kept(installed, judge))
    if best is not None:
        return Bridge(release=best, rejections=rejections)
    return Bridge(reason=_why_none(against), rejections=rejections)


def _judge_of(installed: Package, against: Against) -> BridgeRelease | None:
    """Return the release that the installed bridge can be judged by, None where it does not serve here."""
    known = next((release for release in against if release.version == installed.version), next(iter(against), None))
    if known is None or any(found.rule not in SUPPLY_RULES for found in against[known]):
        return None
    return known


def _why_kept(installed: Package, judge: BridgeRelease) -> tuple[Note, ...]:
    named = f"{installed.name} {installed.version}"
    if installed.version > judge.version:
        text = f"{named} is installed and stays: it was made by a newer ipexenv than this one"
    else:
        text = f"{named} is installed and stays: what the newer {judge.version} is made from is not to be had"
    return (Note(code="kept", text=text),)


def _why_none(against: Against) -> str:
    found = next(iter(against.values()), ())
    if not found:
        return "the tables know no bridge"
    return f"the bridge {'; '.join(rejection.reason for rejection in found)}"
