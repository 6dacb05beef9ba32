from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipexenv.probe.elf import needed_libraries

LOAD, DYNAMIC = 1, 2
BASE = 0x400000


def library(*names: str, order: str = "<") -> bytes:
    """Return a file with a header, two segments, a dynamic section and its strings, as a linker lays them out."""
    strings = b"\0" + b"".join(name.encode() + b"\0" for name in names)
    entries, at = [], 1
    for name in names:
        entries.append((1, at))
        at += len(name.encode()) + 1
    start = 64 + 2 * 56
    place = start + 16 * (len(entries) + 2)
    dynamic = b"".join(struct.pack(f"{order}QQ", *entry) for entry in [*entries, (5, BASE + place), (0, 0)])
    whole = place + len(strings)
    ident = b"\x7fELF\x02" + (b"\x01" if order == "<" else b"\x02") + b"\x01".ljust(10, b"\0")
    header = ident + struct.pack(f"{order}HHIQQQIHHHHHH", 3, 62, 1, 0, 64, 0, 0, 64, 56, 2, 0, 0, 0)
    load = struct.pack(f"{order}IIQQQQQQ", LOAD, 4, 0, BASE, BASE, whole, whole, 4096)
    section = struct.pack(f"{order}IIQQQQQQ", DYNAMIC, 6, start, BASE + start, 0, len(dynamic), len(dynamic), 8)
    return header + load + section + dynamic + strings


@pytest.mark.parametrize("order", ["<", ">"])
def test_names_come_in_their_order(order: str) -> None:
    names = ("libgomp-a34b3233.so.1", "libc10.so", "libpthread.so.0")
    assert needed_libraries(library(*names, order=order)) == names


def test_a_real_program_asks_for_the_c_library() -> None:
    assert "libc.so.6" in needed_libraries(Path("/bin/sh").read_bytes())


@pytest.mark.parametrize("data", [b"", b"\x7fELF", b"\x7fELF\x01" + bytes(100), b"#!/bin/sh\n", bytes(200)])
def test_other_files_ask_for_nothing(data: bytes) -> None:
    assert needed_libraries(data) == ()


@given(st.integers(min_value=5, max_value=300), st.binary(max_size=16))
def test_damage_is_no_error(at: int, rubbish: bytes) -> None:
    data = library("libgomp.so.1", "libc.so.6")
    needed_libraries(data[:at])
    needed_libraries(data[:at] + rubbish + data[at + len(rubbish) :])
