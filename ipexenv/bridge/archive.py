"""Take files out of a wheel and believe none of it: size and SHA-256 of every one are checked against the table."""

from __future__ import annotations

import hashlib
import lzma
import struct
import zipfile
import zlib
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ipexenv.tables.bridge import BridgeFile

Span = tuple[int, int]
"""First byte, and the one behind the last."""

_HEADER_BYTES = 30
_EXTRA_BYTES = 1 << 10
"""Room for extra fields of a local header: the central directory does not tell how long they are."""
_ENCRYPTED = 0x1

# What zipfile and the decompressors raise for archives that are damaged or made to deceive.
_DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OverflowError,
    LookupError,
)


class WrongFileError(Exception):
    """A file is not the one that is recorded; the text says in a few words what is different."""


class Readable(Protocol):
    """An open file that can be read at any place."""

    def read(self, size: int = -1, /) -> bytes:
        """Return the next ``size`` bytes, fewer at the end."""
        ...

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Go to a place and return it."""
        ...

    def tell(self) -> int:
        """Return the place."""
        ...


def take_out(
    wheel: Readable, files: Iterable[BridgeFile], *, announce: Callable[[list[Span]], None] | None = None
) -> dict[str, bytes]:
    """Return the content of ``files`` by where each belongs (``BridgeFile.to``).

    ``announce`` is told, before anything but the directory is read, where in the wheel the files lie. Raises
    WrongFileError where the wheel is no zip archive or a file in it is missing, damaged or another one.
    """
    try:
        with zipfile.ZipFile(wheel) as archive:
            found = [(file, _find(archive, file)) for file in files]
            if announce is not None:
                announce([_span(item) for _file, item in found])
            return {file.to: _content(archive, file, item) for file, item in found}
    except _DAMAGED as error:
        raise WrongFileError(f"damaged: {error}" if str(error) else "damaged") from None


def _find(archive: zipfile.ZipFile, file: BridgeFile) -> zipfile.ZipInfo:
    try:
        item = archive.getinfo(file.path)
    except KeyError:
        raise WrongFileError(f"it does not hold {file.path}") from None
    if item.file_size != file.size_bytes:
        raise WrongFileError(f"{file.path} has {item.file_size} bytes in it, and {file.size_bytes} are recorded")
    if item.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED} or item.flag_bits & _ENCRYPTED:
        raise WrongFileError(f"{file.path} is packed as no wheel packs it")
    return item


def _span(item: zipfile.ZipInfo) -> Span:
    header_bytes = _HEADER_BYTES + len(item.orig_filename.encode()) + len(item.extra) + _EXTRA_BYTES
    return item.header_offset, item.header_offset + header_bytes + item.compress_size


def _content(archive: zipfile.ZipFile, file: BridgeFile, item: zipfile.ZipInfo) -> bytes:
    with archive.open(item) as member:
        content = member.read(file.size_bytes + 1)
    if len(content) != file.size_bytes:
        raise WrongFileError(f"{file.path} unpacks to {len(content)} bytes, and {file.size_bytes} are recorded")
    digest = hashlib.sha256(content).hexdigest()
    if digest != file.sha256:
        raise WrongFileError(f"{file.path} has the SHA-256 {digest}, and {file.sha256} is recorded")
    return content
