"""What a change replaces, kept by hard links, so that it costs next to nothing; and the way back to it.

A snapshot lists every path that the change may touch: those that are there are kept, those that are not must be gone
again afterwards. Restoring may be cut off and done again any number of times.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ipexenv.reading import Reader
from ipexenv.transaction.leftovers import changing_folders, leftovers_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

_METADATA = (".dist-info", ".egg-info")
_NO_LINK = frozenset({errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP, errno.EACCES})


class SnapshotError(Exception):
    """A file of the snapshot is not what was put there; the text names it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """One path that was there before the change."""

    path: str
    """Absolute."""
    stored: str
    """Name in the snapshot's folder; empty for a symbolic link."""
    link: str = ""
    """Where a symbolic link points."""
    size_bytes: int = 0
    mtime_ns: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Snapshot:
    """Everything that a change may touch, as it was."""

    kept: tuple[Kept, ...]
    absent: tuple[str, ...]
    """Paths that were not there, and must not be there in the old environment."""
    absent_folders: tuple[str, ...]
    """The same for folders, deepest first."""
    listings: tuple[tuple[str, tuple[str, ...]], ...]
    """Every folder that may change and was there, each with the names in it that look like leftovers of an engine."""

    def as_mapping(self) -> dict[str, Any]:
        """Return it for the snapshot's JSON file."""
        return {
            "kept": [asdict(kept) for kept in self.kept],
            "absent": list(self.absent),
            "absent_folders": list(self.absent_folders),
            "listings": [[folder, list(names)] for folder, names in self.listings],
        }

    @classmethod
    def from_mapping(cls, row: Mapping[str, Any], *, where: str) -> Snapshot:
        """Read what ``as_mapping`` wrote; raise MalformedError that names the bad key."""
        reader = Reader(row, where=where)
        return cls(
            kept=tuple(_kept(kept, where=where) for kept in reader.rows("kept")),
            absent=reader.texts("absent"),
            absent_folders=reader.texts("absent_folders"),
            listings=tuple(_listing(entry, reader) for entry in row.get("listings", [])),
        )


def take(paths: Iterable[str], folders: Iterable[str], store: Path) -> Snapshot:
    """Keep what is at ``paths`` (absolute, files or links) in the folder ``store``, which must not exist.

    ``folders`` are those that packages are put into; where an engine leaves something of its own between them and the
    paths, it is taken away when the old environment is put back. Files that engines write in place (metadata, ``.pth``)
    are copied, all others linked, where the file system can. Raises OSError; what was stored so far is gone then.
    """
    store.mkdir(parents=True)
    try:
        return _take(sorted({*paths}), tuple(folders), store)
    except BaseException:
        shutil.rmtree(store, ignore_errors=True)
        raise


def _take(paths: list[str], folders: tuple[str, ...], store: Path) -> Snapshot:
    kept: list[Kept] = []
    absent: list[str] = []
    missing_folders: set[str] = set()
    compiled = _ByteCode()
    for path in paths:
        found = _keep(path, store, number=len(kept))
        if found is None:
            absent.append(path)
            missing_folders.update(_missing_folders(path))
            continue
        kept.append(found)
        for other in compiled.of(path):
            kept += filter(None, [_keep(other, store, number=len(kept))])
    return Snapshot(
        kept=tuple(kept),
        absent=tuple(absent),
        absent_folders=tuple(sorted(missing_folders, key=lambda folder: (-folder.count("/"), folder))),
        listings=tuple((folder, leftovers_in(folder)) for folder in changing_folders(paths, folders)),
    )


def restore(snapshot: Snapshot, store: Path) -> None:
    """Put the old environment back. Raises OSError, and SnapshotError before anything is changed."""
    _check(snapshot, store)
    compiled = _ByteCode()
    for path in snapshot.absent:
        _remove(path)
        for other in compiled.of(path):
            _remove(other)
    for folder, names in (*snapshot.listings, *((gone, ()) for gone in snapshot.absent_folders)):
        for name in set(leftovers_in(folder)) - set(names):
            _remove_tree(f"{folder}/{name}")
    for kept in snapshot.kept:
        _put_back(kept, store)
    for gone in snapshot.absent_folders:
        _remove_folder(gone)


def differences(snapshot: Snapshot, store: Path) -> tuple[str, ...]:
    """Return the paths at which the environment is not the old one."""
    changed = [kept.path for kept in snapshot.kept if not _is_back(kept, store)]
    return (*changed, *(path for path in snapshot.absent if os.path.lexists(path)))


class _ByteCode:
    """Finds the compiled files of Python files; each ``__pycache__`` is listed once."""

    def __init__(self) -> None:
        self._folders: dict[str, dict[str, list[str]]] = {}

    def of(self, path: str) -> tuple[str, ...]:
        """Return the paths of the byte code that is there for ``path``."""
        if not path.endswith(".py"):
            return ()
        folder, name = os.path.split(path)
        cache = f"{folder}/__pycache__"
        if cache not in self._folders:
            stems = self._folders[cache] = {}
            for entry in _names(cache):
                if entry.endswith(".pyc"):
                    stems.setdefault(entry.partition(".")[0], []).append(f"{cache}/{entry}")
        return tuple(self._folders[cache].get(name.removesuffix(".py"), ()))


def _keep(path: str, store: Path, *, number: int) -> Kept | None:
    try:
        status = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    if stat.S_ISLNK(status.st_mode):
        return Kept(path=path, stored="", link=os.readlink(path))
    if stat.S_ISDIR(status.st_mode):
        return None
    name = str(number)
    _store(path, str(store / name))
    return Kept(path=path, stored=name, size_bytes=status.st_size, mtime_ns=status.st_mtime_ns)


def _store(path: str, to: str) -> None:
    folder = os.path.dirname(path)
    if not (folder.endswith(_METADATA) or path.endswith(".pth")):
        try:
            os.link(path, to, follow_symlinks=False)
        except OSError as error:
            if error.errno not in _NO_LINK:
                raise
        else:
            return
    shutil.copy2(path, to)


def _check(snapshot: Snapshot, store: Path) -> None:
    for kept in snapshot.kept:
        if not kept.stored:
            continue
        try:
            status = os.stat(store / kept.stored)
        except FileNotFoundError:
            msg = f"the copy of {kept.path} is missing from {store}"
            raise SnapshotError(msg) from None
        if (status.st_size, status.st_mtime_ns) != (kept.size_bytes, kept.mtime_ns):
            msg = f"{kept.path} was written in place, and its copy in {store} with it"
            raise SnapshotError(msg)


def _put_back(kept: Kept, store: Path) -> None:
    """Put one path back in one step, so that it is never missing half-way."""
    if _is_back(kept, store):
        return
    folder = os.path.dirname(kept.path)
    os.makedirs(folder, exist_ok=True)
    draft = f"{folder}/.ipexenv.draft"
    _remove(draft)
    if os.path.isdir(kept.path) and not os.path.islink(kept.path):
        _remove_tree(kept.path)
    if kept.link:
        os.symlink(kept.link, draft)
    else:
        _store(str(store / kept.stored), draft)
    os.replace(draft, kept.path)


def _is_back(kept: Kept, store: Path) -> bool:
    try:
        status = os.lstat(kept.path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    if kept.link:
        return stat.S_ISLNK(status.st_mode) and os.readlink(kept.path) == kept.link
    if not stat.S_ISREG(status.st_mode):
        return False
    stored = os.stat(store / kept.stored)
    same_file = (status.st_ino, status.st_dev) == (stored.st_ino, stored.st_dev)
    return same_file or (status.st_size, status.st_mtime_ns) == (kept.size_bytes, kept.mtime_ns)


def _missing_folders(path: str) -> Iterator[str]:
    folder = os.path.dirname(path)
    while folder not in {"", "/"} and not os.path.isdir(folder):
        yield folder
        folder = os.path.dirname(folder)


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return []


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except (FileNotFoundError, NotADirectoryError):
        pass
    except (IsADirectoryError, PermissionError):
        if not os.path.isdir(path):
            raise


def _remove_tree(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    else:
        _remove(path)


def _remove_folder(path: str) -> None:
    """Remove a folder that was not there, with the byte code in it; what somebody else put there stays."""
    shutil.rmtree(f"{path}/__pycache__", ignore_errors=True)
    try:
        os.rmdir(path)
    except OSError as error:
        if error.errno not in {errno.ENOENT, errno.ENOTEMPTY, errno.ENOTDIR}:
            raise


def _kept(row: Mapping[str, Any], *, where: str) -> Kept:
    reader = Reader(row, where=where)
    return Kept(
        path=reader.text("path"),
        stored=reader.text("stored"),
        link=reader.text("link"),
        size_bytes=reader.integer("size_bytes"),
        mtime_ns=reader.integer("mtime_ns"),
    )


def _listing(entry: object, reader: Reader) -> tuple[str, tuple[str, ...]]:
    if isinstance(entry, list) and len(entry) == 2 and isinstance(entry[0], str) and isinstance(entry[1], list):  # noqa: PLR2004 (a pair)
        return entry[0], tuple(str(name) for name in entry[1])
    raise reader.wrong("listings", entry, "pairs of a folder and its names")
