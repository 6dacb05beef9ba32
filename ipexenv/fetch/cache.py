"""Wheels by their hash, shared by every run on this machine, and what is still under way to them.

    CACHE/files/ab/ab12…        a file whose SHA-256 is ab12…, read-only, complete whenever it is there at all
    CACHE/checked/ab12…         that file was opened and found to be a sound wheel
    CACHE/proven/cd34…          an environment with this fingerprint was imported without trouble
    CACHE/links/ab12…/x.whl     that file under its own name, a hard link where it can be one
    CACHE/partial/….part .json  on its way

Several processes may use it at once: files appear by renaming, and what is on its way is locked by whom it belongs to.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ipexenv.errors import OutsideError
from ipexenv.fetch.part import open_part
from ipexenv.fetch.part_state import forget_state

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_SHA256 = re.compile(r"[0-9a-f]{64}")
_CHECKER = "1"
"""Raised whenever wheels are checked for more than before."""
_PROVEN = "1"
"""Raised whenever an import proves more than before."""
_TAG = """Signature: 8a477f597d28d172789f06886806bc55
# This directory holds what ipexenv can download again. Backups may leave it out: https://bford.info/cachedir/
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class CacheContents:
    """What the cache holds."""

    folder: Path
    files: int
    size_bytes: int
    partial_files: int
    """Downloads that were cut off, or that are on their way in another process."""
    partial_bytes: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Cache:
    """A folder that may be missing, empty, or in use by others."""

    folder: Path

    @property
    def partial(self) -> Path:
        """Return the folder for what is on its way."""
        return self.folder / "partial"

    @property
    def links(self) -> Path:
        """Return the folder of files under their own names."""
        return self.folder / "links"

    def file(self, sha256: str) -> Path:
        """Return where the file with this hash lies, or would lie."""
        if not _SHA256.fullmatch(sha256):
            raise ValueError(f"not a SHA-256 in lower case: {sha256!r}")
        return self.folder / "files" / sha256[:2] / sha256

    def has(self, sha256: str) -> bool:
        """Say whether the file is there; its bytes are to be hashed before they are used."""
        return self.file(sha256).is_file()

    def prepare(self) -> None:
        """Make the folders. Raises OutsideError where the cache cannot be written."""
        try:
            for folder in (self.folder / "files", self.folder / "checked", self.folder / "proven", self.partial):
                folder.mkdir(parents=True, exist_ok=True)
            tag = self.folder / "CACHEDIR.TAG"
            if not tag.exists():
                tag.write_text(_TAG, encoding="utf-8")
            writable = os.access(self.partial, os.W_OK)
        except OSError:
            writable = False
        if not writable:
            raise OutsideError(
                "the cache cannot be written",
                code="cache-not-writable",
                causes=(f"no files can be made in {self.folder}",),
                hint="put it elsewhere with IPEXENV_CACHE_DIR, or go without with `--no-cache`",
            )

    def drop(self, sha256: str) -> None:
        """Remove a file; whoever has a hard link of it keeps it."""
        with contextlib.suppress(OSError):
            self._mark(sha256).unlink(missing_ok=True)
            self.file(sha256).unlink(missing_ok=True)

    def is_checked(self, sha256: str) -> bool:
        """Say whether the bytes with this hash are known to be a sound wheel."""
        return _says(self._mark(sha256), _CHECKER)

    def mark_checked(self, sha256: str) -> None:
        """Remember that they are. A cache that cannot be written forgets it."""
        _write(self._mark(sha256), _CHECKER)

    def is_proven(self, fingerprint: str) -> bool:
        """Say whether an environment with this fingerprint (see ``ipexenv.verify.proven``) was imported before."""
        return _says(self.folder / "proven" / fingerprint, _PROVEN)

    def mark_proven(self, fingerprint: str) -> None:
        """Remember that it was. A cache that cannot be written forgets it."""
        _write(self.folder / "proven" / fingerprint, _PROVEN)

    def contents(self) -> CacheContents:
        """Return what is there; what vanishes meanwhile does not count."""
        files = list(_sizes((self.folder / "files", self.links), "*"))
        parts = list(_sizes((self.partial,), "*.part"))
        return CacheContents(
            folder=self.folder,
            files=len(files),
            size_bytes=sum(files),
            partial_files=len(parts),
            partial_bytes=sum(parts),
        )

    def clear(self) -> CacheContents:
        """Remove everything that no process is working on, and return what was removed. Raises OutsideError.

        Only what the cache itself put there is touched: the folder may be anywhere.
        """
        before = self.contents()
        try:
            for file in self._own_files():
                file.unlink(missing_ok=True)
            for folder in self.links.glob("*"):
                shutil.rmtree(folder, ignore_errors=True)
            for part_path in self.partial.glob("*.part"):
                part = open_part(part_path)
                if part is not None:
                    part.close(keep=False)
                    forget_state(part_path)
        except OSError as error:
            raise OutsideError(
                "the cache cannot be cleared",
                code="cache-not-writable",
                causes=(f"{error.filename or self.folder}: {error.strerror}",),
            ) from None
        after = self.contents()
        return CacheContents(
            folder=self.folder,
            files=before.files - after.files,
            size_bytes=before.size_bytes - after.size_bytes,
            partial_files=before.partial_files - after.partial_files,
            partial_bytes=before.partial_bytes - after.partial_bytes,
        )

    def _mark(self, sha256: str) -> Path:
        return self.folder / "checked" / self.file(sha256).name

    def _own_files(self) -> Iterator[Path]:
        for folder, pattern in (
            (self.folder / "files", "??/*"),
            (self.folder / "checked", "*"),
            (self.folder / "proven", "*"),
        ):
            yield from (file for file in folder.glob(pattern) if _SHA256.fullmatch(file.name.partition(".")[0]))


def find_cache(env: Mapping[str, str], directory: Path, *, named: str | None = None) -> Cache:
    """Return the cache that the user named, or that of this user: ``$IPEXENV_CACHE_DIR``, else as the system has it."""
    folder = named or env.get("IPEXENV_CACHE_DIR")
    if folder:
        return Cache(folder=directory / Path(folder).expanduser())
    from platformdirs import user_cache_path  # noqa: PLC0415 (start-up time: most commands need no cache)

    return Cache(folder=user_cache_path("ipexenv"))


def _says(mark: Path, words: str) -> bool:
    try:
        return mark.read_text(encoding="utf-8") == words
    except (OSError, ValueError):
        return False


def _write(mark: Path, words: str) -> None:
    fresh = mark.with_name(f"{mark.name}.{os.getpid()}.new")
    with contextlib.suppress(OSError):
        fresh.write_text(words, encoding="utf-8")
        fresh.replace(mark)


def _sizes(folders: Iterable[Path], pattern: str) -> Iterator[int]:
    """Yield the size of each file once, whatever its number of names; the stamps of ``links`` do not count."""
    seen: set[tuple[int, int]] = set()
    for folder in folders:
        for file in folder.rglob(pattern):
            with contextlib.suppress(OSError):
                status = file.stat()
                known = (status.st_dev, status.st_ino) in seen
                if file.is_file() and not known and not file.name.startswith("."):
                    seen.add((status.st_dev, status.st_ino))
                    yield status.st_size
