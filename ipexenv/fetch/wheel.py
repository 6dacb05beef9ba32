"""Open a wheel and refuse it unless everything in it is what it says: names, tags, sizes, hashes, places."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, TypeVar

from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from ipexenv.errors import OutsideError
from ipexenv.fetch.archive import read_members
from ipexenv.fetch.metadata import check_tags, read_entry_points, read_metadata, read_wheel_file
from ipexenv.fetch.paths import check_destinations, check_names, destination, info_folder
from ipexenv.fetch.record import check_record, is_relabelled, may_be_relabelled, read_record
from ipexenv.fetch.staging import sha256_of
from ipexenv.fetch.trouble import failure
from ipexenv.fetch.unpacking import contents, digest
from ipexenv.fetch.unsound import UnsoundError
from ipexenv.tables.bridge import BRIDGE_PROJECT, is_bridge

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from packaging.tags import Tag
    from packaging.utils import NormalizedName
    from packaging.version import Version

    from ipexenv.fetch.archive import Member
    from ipexenv.fetch.cache import Cache
    from ipexenv.fetch.job import Fetched
    from ipexenv.fetch.metadata import EntryPoint, Metadata, WheelFile
    from ipexenv.fetch.paths import Destination
    from ipexenv.fetch.record import RecordEntry
    from ipexenv.ruling import Offer

_Read = TypeVar("_Read")

_MOST_TEXT_BYTES = 16 << 20
"""METADATA and its like; RECORD of torch has 1.5 MB."""
_MOST_BYTES = 32 << 30
_THREADS = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class InstalledFile:
    """One file of a wheel and where it goes."""

    name: str
    """In the archive."""
    destination: Destination
    size_bytes: int
    record: RecordEntry
    executable: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class WheelContents:
    """What a sound wheel brings."""

    filename: str
    project: NormalizedName
    version: Version
    tags: frozenset[Tag]
    """Of the file name."""
    purelib: bool
    files: tuple[InstalledFile, ...]
    """In the order of the archive, folders left out."""
    entry_points: tuple[EntryPoint, ...]
    requires: tuple[str, ...]
    requires_python: str | None
    relabelled: tuple[str, ...]
    """Files that RECORD has as they were before their version lost ``+cpu``; see ``record.is_relabelled``."""
    packed_bytes: int
    unpacked_bytes: int

    @property
    def scripts(self) -> tuple[str, ...]:
        """Return the names that an installer puts into the folder of programs."""
        made = {point.name for point in self.entry_points if point.group in {"console_scripts", "gui_scripts"}}
        brought = {file.destination.path for file in self.files if file.destination.scheme == "scripts"}
        return tuple(sorted(made | brought))


def read_wheel(path: Path, offer: Offer, *, deep: bool = True, max_bytes: int = _MOST_BYTES) -> WheelContents:
    """Return what the wheel at ``path`` brings, once it proved to be the one that ``offer`` names.

    ``deep`` hashes the file and every member of it; without it, only what the archive's directory, METADATA, WHEEL and
    RECORD tell is compared, which is enough for a file whose very hash was seen and checked before. ``max_bytes`` is
    the most that it may unpack to.

    Raises OutsideError: ``hash-mismatch``, ``too-large``, or ``bad-wheel`` with the reason as its cause.
    """
    try:
        if deep:
            _refuse_other(path, offer)
        with path.open("rb") as file:
            return _Reader(file, offer, max_bytes=max_bytes).read(deep=deep)
    except UnsoundError as error:
        raise _refusal(offer, error) from None
    except OSError as error:
        raise failure(offer, f"it cannot be read: {error.strerror}", code="unreadable") from None


def read_wheels(files: Sequence[Fetched], *, cache: Cache | None, deep: bool = True) -> tuple[WheelContents, ...]:
    """Open every fetched wheel; those whose bytes were found sound before are not looked through again.

    Their own hashes were compared while they were fetched. ``deep`` unpacks every member besides, which takes a good
    second for each 100 MB. Raises OutsideError as read_wheel does.
    """
    found = []
    for file in files:
        look_inside = deep and not (cache is not None and cache.is_checked(file.sha256))
        found.append(read_wheel(file.path, file.offer, deep=look_inside))
        if cache is not None and look_inside:
            cache.mark_checked(file.sha256)
    return tuple(found)


class _Reader:
    """One wheel being looked at."""

    def __init__(self, file: IO[bytes], offer: Offer, *, max_bytes: int) -> None:
        self._file = file
        self._descriptor = file.fileno()
        self._offer = offer
        self._max_bytes = max_bytes
        # The bridge puts metadata under the bindings' name beside its own: transformers looks for that.
        self._foreign_metadata = offer.project == BRIDGE_PROJECT and is_bridge(offer.version)

    def read(self, *, deep: bool) -> WheelContents:
        """Check everything. Raises UnsoundError."""
        project, version, tags = self._names()
        members = read_members(self._file, max_bytes=self._max_bytes)
        check_names(members)
        info = info_folder(members, project, version)
        by_name = {member.name: member for member in members}
        metadata = self._metadata(by_name, info, project, version)
        wheel = self._text(by_name, f"{info}/WHEEL", read_wheel_file)
        check_tags(wheel.tags, tags)
        record = self._text(by_name, f"{info}/RECORD", read_record)
        relabelled = self._relabelled(by_name, record, version)
        check_record(record, members, info=info, relabelled=relabelled)
        points = f"{info}/entry_points.txt"
        entry_points = self._text(by_name, points, read_entry_points) if points in by_name else ()
        files = self._files(members, record, wheel, project, version)
        if deep:
            self._check_hashes(members, {name: record[name] for name in record.keys() - relabelled})
        return WheelContents(
            filename=self._offer.filename,
            project=project,
            version=version,
            tags=tags,
            purelib=wheel.purelib,
            files=files,
            entry_points=entry_points,
            requires=metadata.requires,
            requires_python=metadata.requires_python,
            relabelled=tuple(sorted(relabelled)),
            packed_bytes=self._file.seek(0, 2),
            unpacked_bytes=sum(member.size_bytes for member in members),
        )

    def _names(self) -> tuple[NormalizedName, Version, frozenset[Tag]]:
        offer = self._offer
        try:
            project, version, _build, tags = parse_wheel_filename(offer.filename)
        except (InvalidWheelFilename, ValueError) as error:
            raise UnsoundError(f"its file name is none of a wheel: {error}") from None
        if (project, version) != (offer.project, offer.version):
            raise UnsoundError(f"its file name is of {project} {version}, not of {offer.project} {offer.version}")
        return project, version, tags

    def _metadata(
        self, by_name: Mapping[str, Member], info: str, project: NormalizedName, version: Version
    ) -> Metadata:
        metadata = self._text(by_name, f"{info}/METADATA", read_metadata)
        if (metadata.project, metadata.version) != (project, version):
            raise UnsoundError(
                f"its METADATA is of {metadata.project} {metadata.version}, and its file name of {project} {version}"
            )
        return metadata

    def _text(self, by_name: Mapping[str, Member], name: str, read: Callable[[bytes], _Read]) -> _Read:
        member = by_name.get(name)
        if member is None:
            raise UnsoundError(f"{name} is missing")
        return read(contents(self._descriptor, member, max_bytes=_MOST_TEXT_BYTES))

    def _relabelled(
        self, by_name: Mapping[str, Member], record: Mapping[str, RecordEntry], version: Version
    ) -> frozenset[str]:
        found = {
            name
            for name in by_name.keys() & record.keys()
            if may_be_relabelled(record[name], by_name[name])
            and is_relabelled(
                contents(self._descriptor, by_name[name], max_bytes=_MOST_TEXT_BYTES), record[name], version
            )
        }
        return frozenset(found)

    def _files(
        self,
        members: Sequence[Member],
        record: Mapping[str, RecordEntry],
        wheel: WheelFile,
        project: NormalizedName,
        version: Version,
    ) -> tuple[InstalledFile, ...]:
        files = tuple(
            InstalledFile(
                name=member.name,
                destination=destination(
                    member.name,
                    project=project,
                    version=version,
                    purelib=wheel.purelib,
                    foreign_metadata=self._foreign_metadata,
                ),
                size_bytes=member.size_bytes,
                record=record[member.name],
                executable=member.executable,
            )
            for member in members
            if member.name in record
        )
        check_destinations(file.destination for file in files)
        return files

    def _check_hashes(self, members: Sequence[Member], record: Mapping[str, RecordEntry]) -> None:
        """Unpack every member and hash it, several at a time: unpacking and hashing run beside each other."""

        def check(member: Member) -> None:
            entry = record.get(member.name)
            algorithm = entry.algorithm if entry is not None and entry.algorithm else "sha256"
            found = digest(self._descriptor, member, algorithm)
            if entry is not None and entry.algorithm and found != entry.digest:
                raise UnsoundError(f"its RECORD gives another hash for {member.name}")

        with ThreadPoolExecutor(_THREADS, thread_name_prefix="ipexenv-wheel") as pool:
            jobs = [pool.submit(check, member) for member in sorted(members, key=lambda member: -member.size_bytes)]
            try:
                for job in jobs:
                    job.result()
            finally:
                pool.shutdown(cancel_futures=True)


def _refuse_other(path: Path, offer: Offer) -> None:
    if offer.sha256 is not None and sha256_of(path) != offer.sha256:
        raise UnsoundError("its SHA-256 is not the one that was expected", code="hash-mismatch")


def _refusal(offer: Offer, error: UnsoundError) -> OutsideError:
    return OutsideError(
        f"{offer.filename} from {offer.source} is refused",
        code=error.code,
        causes=(str(error),),
        hint="do not install it; name another source with `--source URL-or-DIR`",
    )
