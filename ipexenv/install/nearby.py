"""A lock's files where the user says that they are: a wheelhouse, in a folder or on any server of files."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING
from urllib.parse import quote

from ipexenv.bridge.proving import is_own_bridge
from ipexenv.errors import OutsideError
from ipexenv.fetch.staging import sha256_of
from ipexenv.install.addresses import is_local, is_web, local_path, without_credentials
from ipexenv.ruling import Offer
from ipexenv.tables.bridge import BRIDGE_PROJECT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from ipexenv.lock.model import Lock, LockedBridge, LockedTarget
    from ipexenv.tables.bridge import BridgeRelease

_PAGES = (".html", ".htm")


def nearby(lock: Lock, sources: Sequence[str], directory: Path, bridges: Sequence[BridgeRelease] = ()) -> Lock:
    """Return the lock with every file where the first of ``sources`` may have it; which folders have it is seen.

    A server is not asked: whoever fetches the file may go on to where the lock itself says that it is. A bridge that
    lies ready made in a folder is taken as it is, if it is byte for byte what its row of ``bridges`` gives.
    """
    return replace(lock, targets=tuple(_target(target, sources, directory, bridges) for target in lock.targets))


def files_of(lock: Lock) -> tuple[Offer, ...]:
    """Return every file that a lock names, parts of the bridge included."""
    return tuple(file for target in lock.targets for file in _files(target))


def refuse_remote(files: Sequence[Offer]) -> None:
    """Raise OutsideError where a file is not on this machine."""
    remote = [file.filename for file in files if not is_local(file.url)]
    if remote:
        more = f" and {len(remote) - 1} more" if len(remote) > 1 else ""
        raise OutsideError(
            "not every file of the lock is on this machine",
            code="no-source",
            causes=(f"no folder that you name has {remote[0]}{more}", "nothing was changed"),
            hint="name their folder with `--source DIR`; `ipexenv wheelhouse DIR --from-lock FILE` fills one",
            data={"changed": False},
        )


def _target(
    target: LockedTarget, sources: Sequence[str], directory: Path, bridges: Sequence[BridgeRelease]
) -> LockedTarget:
    def near(file: Offer) -> Offer:
        return next((found for source in sources if (found := _at(file, source, directory)) is not None), file)

    bridge = target.bridge
    if bridge is not None:
        parts = tuple(near(part) for part in bridge.parts)
        ready = _ready_made(bridge, sources, directory, bridges) if bridge.wheel is None else near(bridge.wheel)
        bridge = replace(bridge, parts=parts, wheel=ready)
    return replace(target, files=tuple(near(file) for file in target.files), bridge=bridge)


def _ready_made(
    bridge: LockedBridge, sources: Sequence[str], directory: Path, bridges: Sequence[BridgeRelease]
) -> Offer | None:
    """Return the bridge's wheel in a folder of ``sources``, if it is what would be made from the lock's parts."""
    wanted = {part.sha256 for part in bridge.parts}
    rows = [row for row in bridges if row.version == bridge.version and {part.sha256 for part in row.parts} == wanted]
    for row, source in product(rows, (source for source in sources if not is_web(source))):
        path = local_path(source, directory) / row.filename
        if path.is_file() and is_own_bridge(path, rows):
            return Offer(
                project=BRIDGE_PROJECT,
                version=row.version,
                filename=row.filename,
                url=path.resolve().as_uri(),
                source=str(path.parent),
                sha256=sha256_of(path),
                size_bytes=path.stat().st_size,
            )
    return None


def _at(file: Offer, source: str, directory: Path) -> Offer | None:
    """Return the file as ``source`` would have it; None for a folder that has it not."""
    if is_web(source):
        folder = source.rpartition("/")[0] if source.endswith(_PAGES) else source.rstrip("/")
        return replace(file, url=f"{folder}/{quote(file.filename)}", source=without_credentials(source))
    folder_here = local_path(source, directory)
    for path in (folder_here / file.filename, folder_here / file.project / file.filename):
        if path.is_file():
            return replace(file, url=path.resolve().as_uri(), source=str(folder_here))
    return None


def _files(target: LockedTarget) -> Iterator[Offer]:
    yield from target.files
    if target.bridge is not None:
        yield from target.bridge.parts
        if target.bridge.wheel is not None:
            yield target.bridge.wheel
