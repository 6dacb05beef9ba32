"""What a shared library is called, which others it asks for and whether for an executable stack. From its bytes. Pure.

Layout: elf(5), 64 bits only; no torch was ever built for other machines.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from mmap import mmap

_LOAD, _DYNAMIC, _STACK = 1, 2, 0x6474E551
_NEEDED, _STRINGS, _SONAME = 1, 5, 14
_EXECUTE = 1
_LONGEST_NAME = 4096
_MOST_ENTRIES = 65536


def needed_libraries(data: bytes | mmap) -> tuple[str, ...]:
    """Return the names in DT_NEEDED in their order; none for what is no 64-bit ELF file or is damaged."""
    return _names(data, _NEEDED)


def own_name(data: bytes | mmap) -> str | None:
    """Return DT_SONAME, by which the loader knows the library again; None where it has none."""
    return next(iter(_names(data, _SONAME)), None)


def asks_for_executable_stack(data: bytes | mmap) -> bool:
    """Say whether PT_GNU_STACK asks for it, or is not there, which the loader on x86-64 takes for asking."""
    try:
        segments, _ = _segments(data)
    except (struct.error, OverflowError):
        return False
    marks = [segment[1] for segment in segments if segment[0] == _STACK]
    return bool(segments) and (not marks or bool(marks[0] & _EXECUTE))


def _names(data: bytes | mmap, wanted: int) -> tuple[str, ...]:
    try:
        return tuple(_dynamic_names(data, wanted))
    except (struct.error, OverflowError):
        return ()


def _segments(data: bytes | mmap) -> tuple[list[tuple[int, ...]], str]:
    """Return the rows of the table of segments, none for what is no 64-bit ELF file, and the byte order."""
    order = ">" if data[5:6] == b"\x02" else "<"
    if data[:5] != b"\x7fELF\x02":
        return [], order
    table, size, count = _header(data, order)
    return [struct.unpack_from(f"{order}IIQQQQQQ", data, table + index * size) for index in range(count)], order


def _dynamic_names(data: bytes | mmap, wanted: int) -> Iterator[str]:
    segments, order = _segments(data)
    dynamic = next((segment for segment in segments if segment[0] == _DYNAMIC), None)
    if dynamic is None:
        return
    entries = list(_entries(data, order, dynamic[2], dynamic[5]))
    address = next((value for tag, value in entries if tag == _STRINGS), None)
    strings = None if address is None else _offset(segments, address)
    if strings is None:
        return
    for tag, value in entries:
        if tag == wanted:
            end = data.find(b"\0", strings + value, strings + value + _LONGEST_NAME)
            yield bytes(data[strings + value : end]).decode("utf-8", "replace")


def _header(data: bytes | mmap, order: str) -> tuple[int, int, int]:
    """Return where the table of segments begins, and the size and number of its rows."""
    table = struct.unpack_from(f"{order}Q", data, 32)[0]
    size, count = struct.unpack_from(f"{order}HH", data, 54)
    return table, size, count


def _entries(data: bytes | mmap, order: str, start: int, size_bytes: int) -> Iterator[tuple[int, int]]:
    for index in range(min(size_bytes // 16, _MOST_ENTRIES)):
        tag, value = struct.unpack_from(f"{order}QQ", data, start + index * 16)
        if tag == 0:
            return
        yield tag, value


def _offset(segments: list[tuple[int, ...]], address: int) -> int | None:
    """Return where in the file the byte lies that is loaded at ``address``."""
    for kind, _, offset, virtual, _, in_file, *_ in segments:
        if kind == _LOAD and virtual <= address < virtual + in_file:
            return offset + address - virtual
    return None
