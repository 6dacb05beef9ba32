"""The bridge's wheel for a wheelhouse: no index has it, so it is built there, once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from packaging.utils import parse_wheel_filename

from ipexenv.errors import UsageError
from ipexenv.events import Event
from ipexenv.fetch.staging import sha256_of
from ipexenv.lock.names import LOCK_NAME
from ipexenv.lock.reading import read_lock
from ipexenv.lock.replay import locked_release
from ipexenv.ruling import Offer
from ipexenv.wheelhouse.housed import bridges_to_build

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from packaging.version import Version

    from ipexenv.events import Listener
    from ipexenv.install.building import Build
    from ipexenv.lock.model import Lock, LockedBridge
    from ipexenv.system.http import Access, Http
    from ipexenv.tables.bridge import BridgeRelease


@dataclass(frozen=True, kw_only=True, slots=True)
class BridgeWork:
    """Where and how to build."""

    folder: Path
    http: Http
    access: Callable[[str], Access]
    build: Build
    listen: Listener


def ready_bridges(
    lock: Lock, rows: Sequence[BridgeRelease], work: BridgeWork
) -> tuple[dict[Version, Offer], tuple[str, ...]]:
    """Return the wheel of each bridge of ``lock`` that has to be built, by version, and the names of those built now.

    One that an earlier run built stays: the lock that it left tells by its SHA-256. Raises AnswerIsNo for a bridge that
    this ipexenv cannot build, OutsideError where a part cannot be had.
    """
    found: dict[Version, Offer] = {}
    built: list[str] = []
    releases = [(target, locked_release(target, rows)) for target in bridges_to_build(lock)]
    kept = _kept(work.folder) if releases else {}
    for target, release in releases:
        bridge = target.bridge
        if bridge is None or release is None:
            continue
        wheel = kept.get(bridge.version)
        if wheel is None:
            wheel = _built(bridge, release, work)
            built.append(wheel.filename)
        found[bridge.version] = wheel
    return found, tuple(built)


def _built(bridge: LockedBridge, release: BridgeRelease, work: BridgeWork) -> Offer:
    work.listen(Event(kind="step", text=f"building the bridge {bridge.version}"))
    wheel = work.build(release, bridge.parts, work.folder, http=work.http, listen=work.listen, access=work.access)
    project, version, _, _ = parse_wheel_filename(wheel.path.name)
    return Offer(
        project=project,
        version=version,
        filename=wheel.path.name,
        url=wheel.path.as_uri(),
        source=str(work.folder),
        sha256=wheel.sha256,
        size_bytes=wheel.size_bytes,
    )


def _kept(folder: Path) -> dict[Version, Offer]:
    """Return the bridges that the lock of an earlier run names and that are still whole."""
    try:
        text = (folder / LOCK_NAME).read_text(encoding="utf-8")
        lock = read_lock(text, where=LOCK_NAME, folder=PurePosixPath(folder))
    except (OSError, UnicodeDecodeError, UsageError):
        return {}
    wheels = [target.bridge.wheel for target in lock.targets if target.bridge is not None]
    return {wheel.version: wheel for wheel in wheels if wheel is not None and _is_whole(wheel, folder)}


def _is_whole(wheel: Offer, folder: Path) -> bool:
    path = folder / wheel.filename
    return path.is_file() and sha256_of(path) == wheel.sha256
