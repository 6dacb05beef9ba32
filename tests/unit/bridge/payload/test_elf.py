"""A library file is looked at before it is loaded."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from ipexenv.bridge.payload.ipexenv_oneccl_bridge.elf import HEADER, LOADED, MAGIC_64_LITTLE, SEGMENT, flaw

PAYLOAD_BYTES = 300


def machine_here() -> int:
    return int(struct.unpack_from("<H", Path("/proc/self/exe").read_bytes(), 18)[0])


def library(machine: int | None = None) -> bytes:
    """Make the smallest file that has what is looked at: one segment that is loaded, and no sections."""
    begin = HEADER.size + SEGMENT.size
    kind = machine_here() if machine is None else machine
    sizes = (HEADER.size, SEGMENT.size, 1, 64, 0, 0)
    header = HEADER.pack(MAGIC_64_LITTLE.ljust(16, b"\0"), 3, kind, 1, 0, HEADER.size, 0, 0, *sizes)
    segment = SEGMENT.pack(LOADED, 5, begin, 0, 0, PAYLOAD_BYTES, PAYLOAD_BYTES, 4096)
    return header + segment + bytes(PAYLOAD_BYTES)


def test_nothing_speaks_against_a_whole_library(tmp_path: Path) -> None:
    (tmp_path / "lib.so").write_bytes(library())
    assert flaw(str(tmp_path / "lib.so")) == ""
    assert flaw("/proc/self/exe") == ""


@pytest.mark.parametrize("kept", range(0, len(library()), 7))
def test_a_library_that_is_cut_off_anywhere_is_found_out(kept: int, tmp_path: Path) -> None:
    (tmp_path / "lib.so").write_bytes(library()[:kept])
    assert flaw(str(tmp_path / "lib.so")).startswith(("it is cut off", "it is no 64-bit"))


def test_a_library_for_another_processor_is_found_out(tmp_path: Path) -> None:
    (tmp_path / "lib.so").write_bytes(library(machine=0xFFFE))
    assert "another kind of processor (ELF machine 65534" in flaw(str(tmp_path / "lib.so"))


def test_what_is_no_library_is_found_out(tmp_path: Path) -> None:
    (tmp_path / "lib.so").write_text("version https://git-lfs.example/spec/v1\n")
    assert flaw(str(tmp_path / "lib.so")) == "it is no 64-bit shared library"


def test_a_file_that_cannot_be_opened_says_why(tmp_path: Path) -> None:
    assert flaw(str(tmp_path)) == "it cannot be read: Is a directory"
