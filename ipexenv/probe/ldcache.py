"""The loader's cache of libraries, /etc/ld.so.cache. Pure: bytes in, names and paths out.

Layout: sysdeps/generic/dl-cache.h of glibc. Every glibc since 2.2 writes the new format, before 2.32 behind an old
one, whose header is skipped here.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

_OLD_MAGIC = b"ld.so-1.7.0\x00"
_OLD_HEADER = struct.Struct("=12sI")
_OLD_ENTRY_BYTES = 12
_MAGIC = b"glibc-ld.so.cache1.1"
_HEADER = struct.Struct("=20sII20x")
_ENTRY = struct.Struct("=iIIIQ")
_KIND_MASK = 0xFF00
_KINDS = {"x86_64": 0x0300, "aarch64": 0x0A00, "ppc64le": 0x0500, "s390x": 0x0400}
"""The part of an entry's flags that names its architecture; others accept any."""
_LONGEST_PATH = 4096


def cached_paths(data: bytes, names: Collection[str], machine: str) -> dict[str, str]:
    """Return the path of each of ``names`` that the cache lists for this architecture, the loader's choice first.

    Rubbish gives an empty answer, never an error.
    """
    start = _start(data)
    if start is None or len(data) < start + _HEADER.size:
        return {}
    _, count, _ = _HEADER.unpack_from(data, start)
    first = start + _HEADER.size
    count = min(count, (len(data) - first) // _ENTRY.size)
    wanted = {name.encode(): name for name in names}
    kind = _KINDS.get(machine)
    found: dict[str, str] = {}
    for flags, key, value, _, _ in _ENTRY.iter_unpack(data[first : first + count * _ENTRY.size]):
        name = wanted.get(_string(data, start + key))
        if name is not None and name not in found and kind in (None, flags & _KIND_MASK):
            found[name] = _string(data, start + value).decode("utf-8", "surrogateescape")
    return found


def _start(data: bytes) -> int | None:
    """Return where the new format begins."""
    if data.startswith(_MAGIC):
        return 0
    if not data.startswith(_OLD_MAGIC) or len(data) < _OLD_HEADER.size:
        return None
    _, count = _OLD_HEADER.unpack_from(data)
    end = _OLD_HEADER.size + count * _OLD_ENTRY_BYTES
    aligned = (end + 7) // 8 * 8
    return aligned if data[aligned : aligned + len(_MAGIC)] == _MAGIC else None


def _string(data: bytes, offset: int) -> bytes:
    end = data.find(b"\0", offset, offset + _LONGEST_PATH)
    return data[offset:end] if end >= 0 else b""
