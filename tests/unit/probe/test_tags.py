from __future__ import annotations

from packaging import tags
from packaging.version import Version

from ipexenv.facts import Libc
from ipexenv.probe.tags import abi_tags, platform_tags, wheel_tags

DEBIAN_12 = Libc(family="glibc", version=Version("2.36"))


def test_an_ordinary_python() -> None:
    found = wheel_tags(version=Version("3.11.7"), abiflags="", machine="x86_64", libc=DEBIAN_12)
    assert found[:2] == ("cp311-cp311-linux_x86_64", "cp311-cp311-manylinux_2_36_x86_64")
    for tag in ("cp311-cp311-manylinux2014_x86_64", "cp38-abi3-manylinux1_x86_64", "py3-none-any", "cp311-none-any"):
        assert tag in found
    assert "cp311-cp311-manylinux_2_37_x86_64" not in found
    assert len(found) == len(set(found))


def test_abis() -> None:
    assert abi_tags((3, 7), "m") == ["cp37m"]
    assert abi_tags((3, 8), "") == ["cp38"]
    assert abi_tags((3, 11), "d") == ["cp311d", "cp311"]
    assert abi_tags((3, 13), "t") == ["cp313t"]
    assert abi_tags((3, 13), "td") == ["cp313td", "cp313t"]


def test_free_threaded_python_takes_no_abi3() -> None:
    found = wheel_tags(version=Version("3.13.0"), abiflags="t", machine="x86_64", libc=DEBIAN_12)
    assert "cp313-cp313t-manylinux_2_28_x86_64" in found
    assert not any("-abi3-" in tag for tag in found)


def test_platforms() -> None:
    assert platform_tags("x86_64", Libc()) == ["linux_x86_64"]
    musl = Libc(family="musl", version=Version("1.2.5"))
    assert platform_tags("x86_64", musl) == [
        "linux_x86_64", "musllinux_1_2_x86_64", "musllinux_1_1_x86_64", "musllinux_1_0_x86_64",
    ]  # fmt: skip
    arm = platform_tags("aarch64", Libc(family="glibc", version=Version("2.18")))
    assert arm == ["linux_aarch64", "manylinux_2_18_aarch64", "manylinux_2_17_aarch64", "manylinux2014_aarch64"]
    old = platform_tags("x86_64", Libc(family="glibc", version=Version("2.5")))
    assert old == ["linux_x86_64", "manylinux_2_5_x86_64", "manylinux1_x86_64"]


def test_the_parts_fit_those_of_packaging() -> None:
    """The public functions of packaging accept and keep what this module hands them."""
    python = tuple(tags.cpython_tags((3, 12), ["cp312"], ["linux_x86_64"]))
    assert [str(tag) for tag in python[:3]] == [
        "cp312-cp312-linux_x86_64", "cp312-abi3-linux_x86_64", "cp312-none-linux_x86_64",
    ]  # fmt: skip
