"""Read members of an archive without unpacking them to anywhere, and believe none of its sizes and checksums."""

from __future__ import annotations

import hashlib
import os
import zlib
from typing import TYPE_CHECKING

from ipexenv.fetch.unsound import UnsoundError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ipexenv.fetch.archive import Member

_READ_BYTES = 1 << 18
_MOST_AT_ONCE = 4 << 20


def unpacked(descriptor: int, member: Member) -> Iterator[bytes]:
    """Yield the contents of ``member`` from the archive open as ``descriptor``; any number of threads may.

    Raises UnsoundError as soon as it is longer than announced, and at the end where it is shorter, has another
    checksum, or does not use up its packed bytes.
    """
    size_bytes, crc = 0, 0
    for chunk in _inflated(descriptor, member) if member.deflated else _stored(descriptor, member):
        size_bytes += len(chunk)
        crc = zlib.crc32(chunk, crc)
        if size_bytes > member.size_bytes:
            raise UnsoundError(f"{member.name} unpacks to more than {member.size_bytes} bytes", code="too-large")
        yield chunk
    if size_bytes != member.size_bytes or crc != member.crc:
        raise UnsoundError(f"{member.name} is damaged: it has another length or checksum than announced")


def contents(descriptor: int, member: Member, *, max_bytes: int) -> bytes:
    """Return a small member whole; raise UnsoundError where it is damaged or larger than ``max_bytes``."""
    if member.size_bytes > max_bytes:
        raise UnsoundError(f"{member.name} has {member.size_bytes} bytes", code="too-large")
    return b"".join(unpacked(descriptor, member))


def digest(descriptor: int, member: Member, algorithm: str) -> bytes:
    """Return the hash of a member; raise UnsoundError where it is damaged."""
    hasher = hashlib.new(algorithm, usedforsecurity=False)
    for chunk in unpacked(descriptor, member):
        hasher.update(chunk)
    return hasher.digest()


def _stored(descriptor: int, member: Member) -> Iterator[bytes]:
    place, end = member.data_start, member.data_start + member.packed_bytes
    while place < end:
        chunk = os.pread(descriptor, min(_READ_BYTES, end - place), place)
        if not chunk:
            raise UnsoundError(f"{member.name} is cut off")
        place += len(chunk)
        yield chunk


def _inflated(descriptor: int, member: Member) -> Iterator[bytes]:
    inflate = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        for packed in _stored(descriptor, member):
            if inflate.eof:
                raise UnsoundError(f"{member.name} has packed bytes that nothing unpacks")
            chunk = inflate.decompress(packed, _MOST_AT_ONCE)
            yield chunk
            while inflate.unconsumed_tail:
                chunk = inflate.decompress(inflate.unconsumed_tail, _MOST_AT_ONCE)
                yield chunk
        yield inflate.flush()
    except zlib.error as error:
        raise UnsoundError(f"{member.name} is damaged: {error}") from None
    if not inflate.eof or inflate.unused_data:
        raise UnsoundError(f"{member.name} is damaged: its packed bytes end in the wrong place")
