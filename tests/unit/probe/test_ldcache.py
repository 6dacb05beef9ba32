from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipexenv.probe.ldcache import cached_paths

X86_64, I386, AARCH64 = 0x0303, 0x0003, 0x0A03
ENTRIES = [
    (X86_64, "libz.so.1", "/lib/x86_64-linux-gnu/libz.so.1"),
    (I386, "libxml2.so.2", "/lib/i386-linux-gnu/libxml2.so.2"),
    (X86_64, "libxml2.so.2", "/lib/x86_64-linux-gnu/libxml2.so.2"),
    (X86_64, "libxml2.so.2", "/opt/old/libxml2.so.2"),
    (I386, "libzstd.so.1", "/lib/i386-linux-gnu/libzstd.so.1"),
]


def cache(entries: list[tuple[int, str, str]]) -> bytes:
    """Write a cache as ldconfig of glibc 2.32 and newer does."""
    strings, at = b"", 48 + 24 * len(entries)
    rows = []
    for flags, name, path in entries:
        key, value = at + len(strings), at + len(strings) + len(name) + 1
        strings += name.encode() + b"\0" + path.encode() + b"\0"
        rows.append(struct.pack("=iIIIQ", flags, key, value, 0, 0))
    header = struct.pack("=20sII20x", b"glibc-ld.so.cache1.1", len(entries), len(strings))
    return header + b"".join(rows) + strings


def compatible_cache(entries: list[tuple[int, str, str]]) -> bytes:
    """Write a cache as older versions do: an old table first, the new one behind it at a multiple of 8."""
    old = struct.pack("=12sI", b"ld.so-1.7.0\0", len(entries)) + bytes(12 * len(entries))
    return old + bytes(-len(old) % 8) + cache(entries)


@pytest.mark.parametrize("write", [cache, compatible_cache], ids=["new", "compatible"])
def test_the_first_entry_of_the_architecture_counts(write: object) -> None:
    assert callable(write)
    names = ("libz.so.1", "libxml2.so.2", "libzstd.so.1", "libnowhere.so")
    assert cached_paths(write(ENTRIES), names, "x86_64") == {
        "libz.so.1": "/lib/x86_64-linux-gnu/libz.so.1",
        "libxml2.so.2": "/lib/x86_64-linux-gnu/libxml2.so.2",
    }


def test_architectures_without_a_known_number_take_any_entry() -> None:
    assert cached_paths(cache(ENTRIES), ("libzstd.so.1",), "riscv64")
    assert cached_paths(cache([(AARCH64, "libz.so.1", "/lib/libz.so.1")]), ("libz.so.1",), "aarch64")


@pytest.mark.parametrize(
    "data", [b"", b"ld.so-1.7.0\0", b"glibc-ld.so.cache1.1", b"rubbish" * 100, compatible_cache(ENTRIES)[:30]]
)
def test_rubbish_is_empty(data: bytes) -> None:
    assert cached_paths(data, ("libz.so.1",), "x86_64") == {}


@given(st.integers(0, 400), st.binary(max_size=12), st.integers(0, 400))
def test_damage_never_raises(position: int, damage: bytes, length: int) -> None:
    whole = compatible_cache(ENTRIES)
    for data in (whole[:length], whole[:position] + damage + whole[position + len(damage) :]):
        found = cached_paths(data, ("libz.so.1", "libxml2.so.2"), "x86_64")
        assert set(found) <= {"libz.so.1", "libxml2.so.2"}


@given(st.binary(max_size=300))
def test_no_bytes_raise(data: bytes) -> None:
    assert isinstance(cached_paths(b"glibc-ld.so.cache1.1" + data, ("libz.so.1",), "x86_64"), dict)
