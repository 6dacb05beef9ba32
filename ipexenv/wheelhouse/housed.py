"""A lock whose files lie beside it. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import PurePosixPath

    from packaging.version import Version

    from ipexenv.lock.model import Lock, LockedBridge, LockedTarget
    from ipexenv.ruling import Offer


def files_of(lock: Lock) -> tuple[Offer, ...]:
    """Return every file that the lock names, by name; a bridge's wheel is one where the lock has it ready made."""
    by_name = {file.filename: file for target in lock.targets for file in (*target.files, *_ready(target.bridge))}
    return tuple(by_name[name] for name in sorted(by_name))


def bridges_to_build(lock: Lock) -> tuple[LockedTarget, ...]:
    """Return one target for each bridge that has to be built."""
    by_version = {
        target.bridge.version: target
        for target in lock.targets
        if target.bridge is not None and target.bridge.wheel is None
    }
    return tuple(by_version.values())


def housed(lock: Lock, folder: PurePosixPath, built: Mapping[Version, Offer]) -> Lock:
    """Return the lock with every file in ``folder`` (absolute), and with the wheels of the bridges that were built.

    What the bridges are made of stays where it was: nobody needs it there.
    """
    return replace(lock, targets=tuple(_target(target, folder, built) for target in lock.targets))


def _target(target: LockedTarget, folder: PurePosixPath, built: Mapping[Version, Offer]) -> LockedTarget:
    bridge = target.bridge
    if bridge is not None:
        wheel = bridge.wheel or built[bridge.version]
        bridge = replace(bridge, wheel=_in(folder, wheel))
    return replace(target, files=tuple(_in(folder, file) for file in target.files), bridge=bridge)


def _in(folder: PurePosixPath, file: Offer) -> Offer:
    """Return the file as one of the folder, where an engine that is pointed at it finds it by name."""
    return replace(file, url=(folder / file.filename).as_uri(), source=str(folder), configured=True)


def _ready(bridge: LockedBridge | None) -> tuple[Offer, ...]:
    return () if bridge is None or bridge.wheel is None else (bridge.wheel,)
