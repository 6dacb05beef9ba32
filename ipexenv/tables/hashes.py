"""Which wheels are known, byte for byte. Pure: how the table is read, the loader hands in.

The table is read when a file has to be judged, not before: `status`, and an `install` with nothing to do, need none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ipexenv.reading import MalformedError, Reader
from ipexenv.tables.releases import read_provenance

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ipexenv.tables.bridge import BridgeRelease

_SHA256 = re.compile(r"[0-9a-f]{64}")
_PAIR = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownFile:
    """What the table says of one wheel."""

    sha256: str
    size_bytes: int


class KnownFiles:
    """The wheels whose SHA-256 is known, by file name; the table is read on the first question."""

    def __init__(self, read: Callable[[], Mapping[str, KnownFile]] = dict) -> None:
        """Take what reads the table; without one, no file is known."""
        self._read = read
        self._files: Mapping[str, KnownFile] | None = None

    def get(self, filename: str) -> KnownFile | None:
        """Return what is known of the file of this name, None where nothing is. Raises as the reading does."""
        if self._files is None:
            self._files = self._read()
        return self._files.get(filename)


def read_known_files(document: Mapping[str, Any], *, where: str) -> dict[str, KnownFile]:
    """Read ``hashes.toml``; raise MalformedError that names the bad row."""
    reader = Reader(document, where=where)
    reader.text("seen")
    read_provenance(reader)
    files = {name: _known(name, row, where=where) for name, row in reader.table("files").items()}
    reader.finish()
    return files


def parts_of(bridges: Iterable[BridgeRelease]) -> dict[str, KnownFile]:
    """Return the wheels that bridges are made from, and the one with Intel MPI's launcher."""
    return {
        part.filename: KnownFile(sha256=part.sha256, size_bytes=part.size_bytes)
        for release in bridges
        for part in (*release.parts, release.mpi)
    }


def _known(name: str, row: object, *, where: str) -> KnownFile:
    if isinstance(row, list) and len(row) == _PAIR:
        sha256, size_bytes = row
        sound = isinstance(sha256, str) and _SHA256.fullmatch(sha256) is not None and type(size_bytes) is int
        if sound and size_bytes > 0 and name.endswith(".whl"):
            return KnownFile(sha256=sha256, size_bytes=size_bytes)
    msg = f"{where}: {name} is {row!r}, expected SHA-256 and size of a wheel"
    raise MalformedError(msg)
