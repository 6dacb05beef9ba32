"""Looking at library files before they are loaded: the loader dies of a file that is cut off, and oneCCL names none."""

from __future__ import annotations

import os
import struct

HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
"""Of a 64-bit little-endian file (elf(5)); the other kinds do not get that far."""

SEGMENT = struct.Struct("<IIQQQQQQ")

MAGIC_64_LITTLE = b"\x7fELF\x02\x01"

LOADED = 1
"""Type of a segment that is loaded into memory."""


def flaw(path: str) -> str:
    """Return in words why a library file cannot be loaded into this process; empty if nothing speaks against it."""
    try:
        with open(path, "rb") as file:
            start = file.read(HEADER.size)
            if not start.startswith(MAGIC_64_LITTLE) or len(start) < HEADER.size:
                return "it is no 64-bit shared library"
            fields = HEADER.unpack(start)
            machine, table, entry_bytes, entries = fields[2], fields[5], fields[9], fields[10]
            file.seek(table)
            segments = file.read(entry_bytes * entries)
            size_bytes = os.fstat(file.fileno()).st_size
    except OSError as error:
        return f"it cannot be read: {error.strerror}"
    if machine != _own_machine():
        return f"it is for another kind of processor (ELF machine {machine}, this process is {_own_machine()})"
    if entry_bytes != SEGMENT.size or len(segments) < entry_bytes * entries:
        return "it is cut off"
    needed = max(_last_byte(segments), fields[6] + fields[11] * fields[12])
    return f"it is cut off: {size_bytes} of at least {needed} bytes are there" if size_bytes < needed else ""


def _last_byte(segments: bytes) -> int:
    """Return up to which byte the file is loaded."""
    ends = [fields[2] + fields[5] for fields in SEGMENT.iter_unpack(segments) if fields[0] == LOADED]
    return max(ends, default=0)


def _own_machine() -> int:
    with open("/proc/self/exe", "rb") as file:
        return int(HEADER.unpack(file.read(HEADER.size))[2])
