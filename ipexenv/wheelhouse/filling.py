"""Fill a folder with everything that a lock names; what is there and whole stays, and the lock comes last."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from ipexenv.errors import OutsideError, UsageError
from ipexenv.events import Event
from ipexenv.fetch.credentials import credentials_from
from ipexenv.fetch.fetching import fetch_all
from ipexenv.fetch.known import hold_to_known
from ipexenv.fetch.staging import sha256_of
from ipexenv.install.building import build_bridge
from ipexenv.install.configuration import read_configuration
from ipexenv.install.places import access_to
from ipexenv.system.transfer import RequestsTransfer
from ipexenv.wheelhouse.bridges import BridgeWork, ready_bridges
from ipexenv.wheelhouse.housed import files_of, housed
from ipexenv.wheelhouse.manifest import write_manifest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from ipexenv.events import Listener
    from ipexenv.fetch.cache import Cache
    from ipexenv.install.building import Build
    from ipexenv.install.configuration import Configuration
    from ipexenv.lock.model import Lock
    from ipexenv.ruling import Offer
    from ipexenv.system.world import World
    from ipexenv.tables.schema import Tables

_NAMED = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class HouseOrder:
    """Where everything goes, and how it is to be had."""

    folder: Path
    """Absolute; made where it is not there."""
    cache: Cache | None = None
    user_sources: tuple[str, ...] = ()
    allow_insecure: tuple[str, ...] = ()
    require_known: bool = False
    build: Build = build_bridge


@dataclass(frozen=True, kw_only=True, slots=True)
class House:
    """A folder that holds everything."""

    folder: Path
    lock: Lock
    """With every file in the folder."""
    fetched: tuple[str, ...]
    """Names of the files that came now."""
    built: tuple[str, ...]
    """Names of the bridges' wheels that were built now."""
    written: tuple[str, ...]
    """Pages and lists that were not there or said something else."""
    others: tuple[str, ...]
    """Wheels in the folder that the lock does not name."""

    @property
    def files(self) -> tuple[Offer, ...]:
        """Return every wheel of the lock, by name."""
        return files_of(self.lock)

    @property
    def changed(self) -> bool:
        """Say whether anything was to do."""
        return bool(self.fetched or self.built or self.written)


def fill(lock: Lock, tables: Tables, order: HouseOrder, world: World, listen: Listener) -> House:
    """Have every file of ``lock`` in the folder, each by its SHA-256, with the pages and the lock that name them.

    A file appears under its name when it is whole; a download that was cut off is resumed by the next run. The lock is
    written last: where it is, everything is. Raises UsageError for a folder that cannot be used, AnswerIsNo for a
    bridge that this ipexenv cannot build, OutsideError where a file cannot be had, with the names of all that is
    missing.
    """
    wanted = hold_to_known(files_of(lock), tables, require_known=order.require_known)
    configuration = read_configuration(world, prefix=None, with_uv=False)
    work = BridgeWork(
        folder=order.folder,
        http=world.http,
        access=partial(access_to, configuration=configuration),
        build=order.build,
        listen=listen,
    )
    with _folder(order.folder), _naming_missing(wanted, order.folder):
        listen(Event(kind="step", text=f"looking for {len(wanted)} files in {order.folder}"))
        absent = tuple(file for file in wanted if not _is_whole(file, order.folder))
        _fetch(absent, order, configuration, world, listen)
        if order.require_known:
            _refuse_foreign(lock, order.folder, tables)
        bridges, built = ready_bridges(lock, tables.bridge, work)
        there = housed(lock, PurePosixPath(order.folder), bridges)
        written = write_manifest(there, files_of(there), order.folder)
    names = {file.filename for file in files_of(there)}
    return House(
        folder=order.folder,
        lock=there,
        fetched=tuple(file.filename for file in absent),
        built=built,
        written=written,
        others=tuple(sorted(path.name for path in order.folder.glob("*.whl") if path.name not in names)),
    )


def _fetch(
    files: Sequence[Offer], order: HouseOrder, configuration: Configuration, world: World, listen: Listener
) -> None:
    indexes = (index for index in configuration.indexes if index is not None)
    fetch_all(
        files,
        into=order.folder,
        cache=order.cache,
        transfer=RequestsTransfer(),
        access_for=partial(access_to, configuration=configuration),
        credentials_for=credentials_from((*order.user_sources, *indexes, *configuration.find_links), world.runner),
        listen=listen,
        allow_insecure=order.allow_insecure,
    )


def _refuse_foreign(lock: Lock, folder: Path, tables: Tables) -> None:
    """Refuse a ready-made bridge that somebody else made."""
    from ipexenv.bridge.proving import refuse_foreign_bridge  # noqa: PLC0415 (start-up time: few locks have one)

    wheels = {target.bridge.wheel.filename for target in lock.targets if target.bridge and target.bridge.wheel}
    for name in sorted(wheels):
        refuse_foreign_bridge(folder / name, tables.bridge)


@contextmanager
def _folder(folder: Path) -> Iterator[None]:
    """Make the folder; name it where it cannot be used."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise UsageError(
            f"{folder} cannot be used: {error.strerror or error}", code="not-writable", hint="name another folder"
        ) from None


@contextmanager
def _naming_missing(wanted: Sequence[Offer], folder: Path) -> Iterator[None]:
    """Say on failure which files are not there yet, and that a further run goes on from there."""
    try:
        yield
    except OutsideError as error:
        missing = [file.filename for file in wanted if not _is_whole(file, folder)]
        if missing:
            more = f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
            text = f"{len(missing)} of {len(wanted)} files are missing: {', '.join(missing[:_NAMED])}{more}"
            error.causes = (*error.causes, text)
        error.data = {**(error.data or {}), "folder": str(folder), "missing": missing}
        raise


def _is_whole(file: Offer, folder: Path) -> bool:
    path = folder / file.filename
    if not path.is_file() or file.size_bytes not in {None, path.stat().st_size}:
        return False
    return sha256_of(path) == file.sha256
