"""Put a file under its own name into the staging folder, as cheaply as the file systems allow."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import shutil
from typing import TYPE_CHECKING, Literal

from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from ipexenv.errors import OutsideError
from ipexenv.fetch.trouble import disk_error

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

Way = Literal["link", "clone", "copy"]

_CLONE = 0x40049409
"""FICLONE of linux/fs.h: two files share their blocks until one of them is written."""
_READ_BYTES = 1 << 20
_NO_LINKS = frozenset({errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP, errno.ENOSYS, errno.EACCES})


def refuse_name(filename: str) -> None:
    """Raise OutsideError unless ``filename`` is the name of a wheel and nothing else: pages are outside text."""
    try:
        plain = filename.isprintable() and not set(filename) & set("/\\\0") and len(filename.encode()) < 250  # noqa: PLR2004 (NAME_MAX is 255)
        if plain:  # only then: the tags of a longer name may multiply to millions
            parse_wheel_filename(filename)
    except (InvalidWheelFilename, ValueError):
        plain = False
    if not plain:
        raise OutsideError(f"{filename!r} is not the name of a wheel", code="bad-wheel-name")


def link_or_copy(source: Path, target: Path) -> Way:
    """Make ``target`` hold what ``source`` holds: a hard link where they share a file system, else a copy.

    An existing target is replaced in one step. Raises OutsideError where it cannot be written, FileNotFoundError where
    the source has just been removed.
    """
    fresh = target.with_name(f".{target.name}.new")
    try:
        fresh.unlink(missing_ok=True)
        try:
            os.link(source, fresh)
            way: Way = "link"
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            way = _copy(source, fresh)
        fresh.replace(target)
        # Where both are links of one file already, renaming does nothing (POSIX), and the fresh name stays.
        fresh.unlink(missing_ok=True)
    except OSError as error:
        with contextlib.suppress(OSError):
            fresh.unlink(missing_ok=True)
        if isinstance(error, FileNotFoundError) and not source.exists():
            raise
        raise disk_error(error, target.parent) from None
    return way


def clone_or_copy(source: Path, target: Path) -> Way:
    """Make ``target`` a file of its own with what ``source`` holds: the user may yet change the source.

    Raises OutsideError where either cannot be read or written.
    """
    fresh = target.with_name(f".{target.name}.new")
    try:
        fresh.unlink(missing_ok=True)
        way = _copy(source, fresh)
        fresh.replace(target)
    except OSError as error:
        with contextlib.suppress(OSError):
            fresh.unlink(missing_ok=True)
        raise disk_error(error, target.parent) from None
    return way


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file; raise OSError where it cannot be read."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_READ_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def refuse_full_disk(needs: Iterable[tuple[Path, int]]) -> None:
    """Raise OutsideError where a file system has no room for what the folders on it are to take, in bytes."""
    by_device: dict[int, tuple[Path, int]] = {}
    for folder, need_bytes in needs:
        device = folder.stat().st_dev
        by_device[device] = (folder, by_device.get(device, (folder, 0))[1] + need_bytes)
    for folder, need_bytes in by_device.values():
        free_bytes = shutil.disk_usage(folder).free
        if need_bytes > free_bytes:
            raise OutsideError(
                "there is not enough room on the disk",
                code="disk-full",
                causes=(f"{need_bytes / 1e6:.0f} MB are to come, and {folder} has {free_bytes / 1e6:.0f} MB left",),
                hint="free some space (`ipexenv cache clear`), or put the cache elsewhere with IPEXENV_CACHE_DIR",
            )


def _copy(source: Path, fresh: Path) -> Way:
    with source.open("rb") as reader, fresh.open("xb") as writer:
        try:
            fcntl.ioctl(writer.fileno(), _CLONE, reader.fileno())
        except OSError:
            shutil.copyfileobj(reader, writer, _READ_BYTES)
            return "copy"
    return "clone"
