"""Intel's oneCCL bindings: which of them serve the torch in hand, by their exact table, and why none does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from packaging.version import Version

from ipexenv.outcome import Note
from ipexenv.resolve.rules import RULES, objections
from ipexenv.resolve.rules.torch import torch_in_words, torch_words
from ipexenv.resolve.situation import is_installed, minor_of, name_of, public

if TYPE_CHECKING:
    from ipexenv.outcome import Rejection
    from ipexenv.resolve.situation import Situation
    from ipexenv.tables.schema import OneCclRelease, Tables

    Against = dict[OneCclRelease, tuple[Rejection, ...]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Bindings:
    """The decision about Intel's bindings for one torch."""

    release: OneCclRelease | None = None
    reason: str | None = None
    """Why there are none; None where there are."""
    rejections: tuple[Rejection, ...] = ()
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Meant:
    """The bindings version that ``--ccl-version`` means."""

    version: Version | None
    """None where there is no such version."""
    note: Note | None = None


def choose_bindings(situation: Situation) -> Bindings:
    """Return the bindings for the torch in hand: those that are installed, else the newest that fit."""
    request, tables = situation.request, situation.tables
    meant = None if request.ccl_version is None else meant_version(request.ccl_version, tables)
    notes = (meant.note,) if meant is not None and meant.note is not None else ()
    against = {release: objections(release, situation, RULES) for release in reversed(tables.oneccl)}
    rejections = tuple(rejection for found in against.values() for rejection in found)
    fitting = [release for release in against if not against[release]]
    if meant is not None:
        fitting = [release for release in fitting if release.version == meant.version]
    if fitting:
        best = max(fitting, key=lambda release: (is_installed(release, situation.facts), release.version))
        return Bindings(release=best, rejections=rejections, notes=notes)
    return Bindings(reason=_why_none(situation, meant, against), rejections=rejections, notes=notes)


def meant_version(text: str, tables: Tables) -> Meant:
    """Return the bindings version that ``text`` means: itself, or one of which it dropped the last zeros.

    One translation of the Trainer guide prints 1.12.10 for 1.12.100; people copy it from there.
    """
    asked = public(Version(text))
    known = [release.version for release in tables.oneccl]
    if asked in known:
        return Meant(version=asked)
    whole = [version for version in known if str(version).rstrip("0") == str(asked).rstrip("0")]
    if len(whole) != 1:
        return Meant(version=None)
    words = f"there are no oneCCL bindings {asked}: {whole[0]} is meant, which some guides misprint"
    return Meant(version=whole[0], note=Note(code="misprint", text=words))


def last_for_cpu(tables: Tables) -> OneCclRelease | None:
    """Return the newest bindings that were published for CPU as a wheel."""
    published = [release for release in tables.oneccl if release.cpu and release.wheel and release.broken is None]
    return max(published, key=lambda release: (release.last, release.version), default=None)


def _why_none(situation: Situation, meant: Meant | None, against: Against) -> str:
    if meant is not None:
        return _why_not_this(situation, meant, against)
    for release, found in against.items():
        if found and all(rejection.rule != "torch" for rejection in found) and release.cpu:
            return f"{name_of(release)} {'; '.join(rejection.reason for rejection in found)}"
    last = last_for_cpu(situation.tables)
    torch = situation.torch
    if last is None or torch is None:
        return "the tables know no oneCCL bindings"
    if not last.torch.contains(torch.version) and minor_of(torch.version) > minor_of(last.version):
        return f"Intel's bindings end at torch {torch_words(last.torch)}, and {torch_in_words(situation)}"
    near = next((r for r in against if minor_of(r.version) == minor_of(torch.version) and r.wheel and r.cpu), None)
    if near is not None:
        rejection = next(rejection for rejection in against[near] if rejection.rule == "torch")
        return f"{name_of(near)} {rejection.reason}"
    return f"no oneCCL bindings were published for it, and {torch_in_words(situation)}"


def _why_not_this(situation: Situation, meant: Meant, against: Against) -> str:
    """Say what is wrong with the version that was asked for, and which one fits instead."""
    good = next((release for release, found in against.items() if not found), None)
    other = "" if good is None or situation.torch is None else f"; {good.version} is the one for it"
    for release, found in against.items():
        if release.version == meant.version:
            return f"{name_of(release)} {'; '.join(rejection.reason for rejection in found)}{other}"
    return f"there are no oneCCL bindings {situation.request.ccl_version}, and {torch_in_words(situation)}{other}"
