"""What the bytes of the installed libraries tell: what they ask for, what is not there, and copies of one library."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest

from ipexenv.doctor.libraries import copies_on_path, look_at_libraries, own_copies
from ipexenv.facts import Facts, Host, Target
from ipexenv.probe.elf import asks_for_executable_stack, needed_libraries, own_name
from ipexenv.system.world import World
from tests.unit.doctor.surroundings import facts, torch

if TYPE_CHECKING:
    from pathlib import Path

LOAD, DYNAMIC, STACK = 1, 2, 0x6474E551
STRINGS, SONAME, NEEDED = 5, 14, 1
BASE = 0x400000
READ_WRITE, EXECUTABLE = 6, 7


def library(*needed: str, soname: str | None = None, stack: int | None = READ_WRITE) -> bytes:
    """Return a shared library as a linker lays it out, with nothing in it but its needs, its name and its mark."""
    named = [(NEEDED, name) for name in needed] + ([(SONAME, soname)] if soname else [])
    strings, entries = b"\0", []
    for tag, name in named:
        entries.append((tag, len(strings)))
        strings += name.encode() + b"\0"
    count = 2 if stack is None else 3
    start = 64 + count * 56
    place = start + 16 * (len(entries) + 2)
    dynamic = b"".join(struct.pack("<QQ", *entry) for entry in [*entries, (STRINGS, BASE + place), (0, 0)])
    header = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    header += struct.pack("<HHIQQQIHHHHHH", 3, 62, 1, 0, 64, 0, 0, 64, 56, count, 0, 0, 0)
    whole = place + len(strings)
    segments = struct.pack("<IIQQQQQQ", LOAD, 4, 0, BASE, BASE, whole, whole, 4096)
    segments += struct.pack("<IIQQQQQQ", DYNAMIC, 6, start, BASE + start, 0, len(dynamic), len(dynamic), 8)
    if stack is not None:
        segments += struct.pack("<IIQQQQQQ", STACK, stack, 0, 0, 0, 0, 0, 16)
    return header + segments + dynamic + strings


@pytest.mark.parametrize(("stack", "asks"), [(READ_WRITE, False), (EXECUTABLE, True), (None, True)])
def test_the_mark_of_the_stack(stack: int | None, *, asks: bool) -> None:
    assert asks_for_executable_stack(library("libc.so.6", stack=stack)) is asks


@pytest.mark.parametrize("data", [b"", b"\x7fELF\x02", b"#!/bin/sh\n", bytes(100), library("x")[:80]])
def test_other_files_ask_for_nothing(data: bytes) -> None:
    assert asks_for_executable_stack(data) is False
    assert own_name(data) is None


def test_a_library_tells_its_name() -> None:
    data = library("libc.so.6", soname="libgomp.so.1")
    assert (own_name(data), needed_libraries(data)) == ("libgomp.so.1", ("libc.so.6",))


def site(folder: Path, **files: bytes) -> tuple[World, Facts]:
    """Lay out a machine with a C library and site-packages with ``files`` (``/`` written as ``__``)."""
    for name, data in {"lib__libc.so.6": b"", **files}.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    target = {"site_packages": str(folder / "site"), "libraries": ()}
    return World(root=folder, directory=folder, env={}), facts(target=target)


def test_what_nobody_has_is_missing(tmp_path: Path) -> None:
    needs = ("libc.so.6", "libtorch_cpu.so", "libpython3.11.so.1.0", "libmpi.so.12", "libxml2.so.2")
    world, there = site(
        tmp_path,
        **{
            "site__torch__lib__libtorch_cpu.so": library("libc.so.6", "libcudart.so.12"),
            "site__intel_extension_for_pytorch__lib__libintel-ext-pt-cpu.so": library(*needs, stack=EXECUTABLE),
            "site__intel_extension_for_pytorch__opt__mpi__lib__libmpi.so.12": b"",
        },
    )
    torch, ipex = look_at_libraries(world, there)
    assert (torch.package, torch.not_found, torch.executable_stack) == ("torch", (), False)
    assert (ipex.package, ipex.not_found, ipex.executable_stack) == (
        "IPEX",
        ("libpython3.11.so.1.0", "libxml2.so.2"),
        True,
    )


def test_what_the_loader_finds_is_not_missing(tmp_path: Path) -> None:
    world, there = site(
        tmp_path,
        **{
            "site__intel_extension_for_pytorch__lib__libintel-ext-pt-cpu.so": library(
                "libxml2.so.2", "libpython3.11.so.1.0"
            ),
            "usr__lib__libxml2.so.2": b"",
        },
    )
    there = facts(target={"site_packages": str(tmp_path / "site"), "libraries": ("libpython",)})
    assert [use.not_found for use in look_at_libraries(world, there)] == [()]


def test_torch_may_lie_in_another_folder(tmp_path: Path) -> None:
    world, there = site(
        tmp_path,
        **{
            "lent__torch__lib__libtorch_cpu.so": library("libc.so.6"),
            "site__intel_extension_for_pytorch__lib__libintel-ext-pt-cpu.so": library("libtorch_cpu.so", "libc10.so"),
        },
    )
    there = facts(torch=torch(location=str(tmp_path / "lent")), target={"site_packages": str(tmp_path / "site")})
    assert [(use.package, use.not_found) for use in look_at_libraries(world, there)] == [
        ("torch", ()),
        ("IPEX", ("libc10.so",)),
    ]


def test_one_openmp_under_two_file_names_is_one(tmp_path: Path) -> None:
    world, there = site(
        tmp_path,
        **{
            "site__torch__lib__libtorch_cpu.so": library("libgomp-a34b.so.1"),
            "site__torch__lib__libgomp-a34b.so.1": library("libc.so.6", soname="libgomp.so.1"),
            "site__intel_extension_for_pytorch__lib__libintel-ext-pt-cpu.so": library("libgomp.so.1"),
        },
    )
    assert {use.openmp for use in look_at_libraries(world, there)} == {"libgomp.so.1"}


def test_elsewhere_than_on_linux_nothing_is_looked_at(tmp_path: Path) -> None:
    there = facts(target={"site_packages": str(tmp_path)})
    windows = Facts(host=Host(system="windows"), target=there.target)
    assert look_at_libraries(World(root=tmp_path, directory=tmp_path), windows) == ()
    nowhere = Facts(host=Host(), target=Target(version=there.target.version))
    assert look_at_libraries(World(root=tmp_path, directory=tmp_path), nowhere) == ()


def test_copies_of_mpi_and_libfabric(tmp_path: Path) -> None:
    for name in ("oneapi/libmpi.so.12.0", "oneapi/libccl.so.1", "other/libmpi.so.12", "env/lib/libfabric.so.1"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    env = {"LD_LIBRARY_PATH": f"{tmp_path}/none:{tmp_path}/oneapi:relative:{tmp_path}/other:{tmp_path}/env/lib"}
    prefix = f"{tmp_path}/env"
    assert list(copies_on_path(env, prefix)) == [("libmpi", f"{tmp_path}/oneapi/libmpi.so.12.0")]
    assert list(own_copies((), prefix)) == [("libfabric", f"{prefix}/lib/libfabric.so.1")]
