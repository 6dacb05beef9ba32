"""Which part of a lock fits a target, and what installing it exactly means. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from packaging.utils import parse_wheel_filename

from ipexenv.errors import AnswerIsNo
from ipexenv.lock.environment import platform_of
from ipexenv.tables.bridge import BRIDGE_PROJECT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from packaging.version import Version

    from ipexenv.facts import Facts
    from ipexenv.lock.model import Lock, LockedTarget
    from ipexenv.ruling import Offer
    from ipexenv.tables.bridge import BridgeRelease

_FILES_NAMED = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Replay:
    """What replaying a lock into one environment takes."""

    target: LockedTarget
    files: tuple[Offer, ...]
    """Those that are not installed in exactly this version, by project; the bridge's own where the lock has it."""
    replaced: tuple[tuple[str, Version], ...]
    """Name and installed version of what they replace."""
    requirements: tuple[str, ...]
    """``name @ URL#sha256=…``, one for each of ``files``; URLs may name files on this machine."""
    constraints: tuple[str, ...]
    """Every file of the lock as ``name==version``."""
    bridge: BridgeRelease | None
    """What to build the bridge from; None where the lock has none, has it ready made, or exactly it is installed."""
    parts: tuple[Offer, ...]
    """The wheels of ``bridge``, one for each of its parts and in their order."""


def choose_target(lock: Lock, facts: Facts) -> LockedTarget:
    """Return the part of the lock that was made for such a target and whose files it accepts.

    Raises AnswerIsNo that names what differs: Python, platform, or the files that it does not accept.
    """
    objections = [tuple(_objections(target, facts)) for target in lock.targets]
    for target, against in zip(lock.targets, objections, strict=True):
        if not against:
            return target
    here = platform_of(facts).words
    raise AnswerIsNo(
        "the lock does not fit this environment",
        code="lock-does-not-fit",
        causes=[
            f"it was made for {target.platform.words}: {'; '.join(against)}"
            for target, against in zip(lock.targets, objections, strict=True)
        ],
        hint=f"lock it for {here} with `ipexenv lock`, or take an environment that the lock was made for",
    )


def replay(
    lock: Lock, facts: Facts, *, installed: Mapping[str, Version], bridges: Sequence[BridgeRelease] = ()
) -> Replay:
    """Return what is to be installed so that the environment holds exactly what the lock names.

    ``installed`` maps normalised names to the versions there now; ``bridges`` are the tables' rows. Distributions that
    the lock does not name stay. Raises AnswerIsNo where the lock does not fit the target, or names a bridge that this
    ipexenv does not know.
    """
    target = choose_target(lock, facts)
    files = tuple(file for file in _files(target) if installed.get(file.project) != file.version)
    release = locked_release(target, bridges)
    is_there = target.bridge is not None and installed.get(BRIDGE_PROJECT) == target.bridge.version
    to_build = None if is_there else release
    return Replay(
        target=target,
        files=files,
        replaced=tuple((file.project, installed[file.project]) for file in files if file.project in installed),
        requirements=tuple(f"{file.project} @ {file.url}#sha256={file.sha256}" for file in files),
        constraints=tuple(f"{file.project}=={file.version}" for file in _files(target)),
        bridge=to_build,
        parts=() if to_build is None or target.bridge is None else _in_order(target.bridge.parts, to_build),
    )


def _files(target: LockedTarget) -> tuple[Offer, ...]:
    """Return every wheel that is there ready made, by project."""
    ready = None if target.bridge is None else target.bridge.wheel
    return target.files if ready is None else tuple(sorted((*target.files, ready), key=lambda file: file.project))


def _objections(target: LockedTarget, facts: Facts) -> Iterator[str]:
    locked, here = target.platform, platform_of(facts)
    if locked.minor != here.minor:
        yield f"this is Python {here.minor}"
    if locked.implementation != here.implementation:
        yield f"this is {here.implementation}, not {locked.implementation}"
    if (locked.system, locked.architecture) != (here.system, here.architecture):
        yield f"this is {here.system} {here.architecture}"
    if not facts.target.wheel_tags or (locked.minor, locked.architecture) != (here.minor, here.architecture):
        return
    accepted = frozenset(facts.target.wheel_tags)
    unfit = [file.filename for file in _files(target) if not _is_accepted(file, accepted)]
    if unfit:
        more = f" and {len(unfit) - _FILES_NAMED} more" if len(unfit) > _FILES_NAMED else ""
        yield f"{_libc_words(facts)} does not accept {', '.join(unfit[:_FILES_NAMED])}{more}"


def _is_accepted(file: Offer, accepted: frozenset[str]) -> bool:
    return any(str(tag) in accepted for tag in parse_wheel_filename(file.filename)[3])


def _libc_words(facts: Facts) -> str:
    libc = facts.host.libc
    return "this environment" if libc.version is None else f"this environment, with {libc.family} {libc.version},"


def locked_release(target: LockedTarget, bridges: Sequence[BridgeRelease]) -> BridgeRelease | None:
    """Return the table's row for the locked bridge, None where there is none to build.

    Raises AnswerIsNo where it is not the same any more.
    """
    if target.bridge is None or target.bridge.wheel is not None:
        return None
    row = next((release for release in bridges if release.version == target.bridge.version), None)
    wanted = {part.sha256 for part in target.bridge.parts}
    if row is not None and {part.sha256 for part in row.parts} == wanted:
        return row
    known = ", ".join(str(release.version) for release in bridges) or "none"
    raise AnswerIsNo(
        f"this ipexenv cannot build the locked bridge {target.bridge.version}",
        code="unknown-bridge",
        causes=(
            f"it knows {known}"
            if row is None
            else "it builds that version from other files than the lock names, by their SHA-256",
        ),
        hint="take the ipexenv that wrote the lock, or write it anew with `ipexenv lock`",
    )


def _in_order(parts: Sequence[Offer], release: BridgeRelease) -> tuple[Offer, ...]:
    by_digest = {part.sha256: part for part in parts}
    return tuple(by_digest[part.sha256] for part in release.parts)
