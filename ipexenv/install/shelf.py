"""Wheels under their own names at places that do not change: uv knows again what it has unpacked from there before."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ipexenv.fetch.job import Fetched
from ipexenv.fetch.trouble import disk_error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ipexenv.fetch.cache import Cache
    from ipexenv.ruling import Offer
    from ipexenv.transaction.state import StateFolder

_STAMP = ".stamp"
_INCOMING = ".incoming-"
_SETTLED_S = 60.0
"""How long nobody touches a folder that its maker is just about to lock."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Shelf:
    """A folder with one folder for each file, called by its SHA-256; in the cache, or in the environment without one.

    A stamp beside the file says what the file was when its bytes were hashed: as long as inode, length and times are
    the same, so are the bytes, and they need not be hashed again.
    """

    folder: Path

    @classmethod
    def of(cls, cache: Cache | None, state: StateFolder) -> Shelf:
        """Return the shelf of a cache, or one that goes when the change is over."""
        return cls(folder=state.staging if cache is None else cache.links)

    @contextlib.contextmanager
    def incoming(self) -> Iterator[Path]:
        """Yield a folder of one's own on the same file system, for what is on its way here. Raises OutsideError.

        The folder of a process that was killed goes when the next one comes.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            _sweep(self.folder)
            folder = tempfile.mkdtemp(prefix=_INCOMING, dir=self.folder)
            handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise disk_error(error, self.folder) from None
        try:
            _is_free(handle)
            yield Path(folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(handle)

    def find(self, offer: Offer) -> Fetched | None:
        """Return the file of an offer where it lies here with the very bytes; None where it does not, or may not."""
        if offer.sha256 is None:
            return None
        path = self._place(offer.sha256, offer.filename)
        try:
            stamp = json.loads(path.with_name(_STAMP).read_text(encoding="utf-8"))
            if stamp != _stamp_of(path):
                return None
            size_bytes = path.stat().st_size
        except (OSError, ValueError):
            return None
        return Fetched(offer=offer, path=path, sha256=offer.sha256, size_bytes=size_bytes, from_cache=True)

    def put(self, fetched: Fetched) -> Fetched:
        """Move a file here whose bytes have just been hashed. Raises OutsideError where that cannot be written."""
        path = self._place(fetched.sha256, fetched.path.name)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            fetched.path.replace(path)
            fetched.path.unlink(missing_ok=True)  # where both were links of one file, replacing did nothing
            draft = path.with_name(f"{_STAMP}.{os.getpid()}")
            draft.write_text(json.dumps(_stamp_of(path)), encoding="utf-8")
            draft.replace(path.with_name(_STAMP))
        except OSError as error:
            raise disk_error(error, path.parent) from None
        return replace(fetched, path=path)

    def _place(self, sha256: str, filename: str) -> Path:
        return self.folder / sha256 / filename


def _stamp_of(path: Path) -> list[int]:
    status = path.stat()
    return [status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns]


def _sweep(folder: Path) -> None:
    """Take away what killed processes left; the folder of a living one is locked."""
    for left in folder.glob(f"{_INCOMING}*"):
        with contextlib.suppress(OSError):
            if time.time() - left.stat().st_mtime < _SETTLED_S:
                continue
            handle = os.open(left, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                if _is_free(handle):
                    shutil.rmtree(left, ignore_errors=True)
            finally:
                os.close(handle)


def _is_free(handle: int) -> bool:
    """Lock a folder and say whether nobody else has; where there are no locks, nobody knows."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
