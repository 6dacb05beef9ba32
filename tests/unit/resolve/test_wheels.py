"""Platform tags, and whether a file suits the target."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from ipexenv.resolve.wheels import Platform, read_platform, read_platforms, runs_on, suits_target
from tests.unit.resolve.builders import here, offer


@pytest.mark.parametrize(
    ("tag", "platform"),
    [
        ("linux_x86_64", Platform(system="linux", architecture="x86_64")),
        (
            "manylinux_2_28_x86_64",
            Platform(system="linux", architecture="x86_64", libc="glibc", libc_version=Version("2.28")),
        ),
        (
            "manylinux2014_aarch64",
            Platform(system="linux", architecture="aarch64", libc="glibc", libc_version=Version("2.17")),
        ),
        (
            "manylinux1_x86_64",
            Platform(system="linux", architecture="x86_64", libc="glibc", libc_version=Version("2.5")),
        ),
        (
            "musllinux_1_2_x86_64",
            Platform(system="linux", architecture="x86_64", libc="musl", libc_version=Version("1.2")),
        ),
        ("win_amd64", Platform(system="windows", architecture="x86_64")),
        ("macosx_14_0_arm64", Platform(system="darwin", architecture="aarch64")),
        ("any", None),
        ("manylinux_x86_64", None),
        ("", None),
    ],
)
def test_what_a_platform_tag_promises(tag: str, platform: Platform | None) -> None:
    assert read_platform(tag) == platform


def test_unknown_tags_are_left_out() -> None:
    assert read_platforms(["any", "linux_x86_64"]) == (Platform(system="linux", architecture="x86_64"),)


@pytest.mark.parametrize(
    ("tag", "suits"),
    [
        ("cp311-cp311-manylinux_2_28_x86_64", True),
        ("cp311-cp311-linux_x86_64", True),
        ("cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64", True),
        ("cp311-cp311-manylinux_2_39_x86_64", False),
        ("cp311-cp311-musllinux_1_2_x86_64", False),
        ("cp311-cp311-manylinux_2_28_aarch64", False),
        ("cp311-cp311-win_amd64", False),
        ("cp311-cp311t-manylinux_2_28_x86_64", False),
        ("cp310-cp310-manylinux_2_28_x86_64", False),
        ("cp39-abi3-manylinux_2_28_x86_64", True),
        ("cp312-abi3-manylinux_2_28_x86_64", False),
        ("pp311-pypy311_pp73-manylinux_2_28_x86_64", False),
        ("py3-none-manylinux_2_28_x86_64", True),
        ("py3-none-any", True),
        ("py2-none-any", False),
    ],
)
def test_files_for_a_target_whose_tags_are_unknown(tag: str, *, suits: bool) -> None:
    assert suits_target(offer("torch", "2.8.0", tag), here()) is suits


def test_older_pythons_carry_an_m() -> None:
    wheel = offer("torch", "1.12.1", "cp37-cp37m-linux_x86_64")
    assert suits_target(wheel, here(python="3.7.16"))
    assert not suits_target(replace(wheel, filename="torch-1.12.1-cp38-cp38m-linux_x86_64.whl"), here(python="3.8.1"))


def test_free_threaded_and_other_pythons() -> None:
    free = here(python="3.13.0", free_threaded=True)
    assert suits_target(offer("torch", "2.8.0", "cp313-cp313t-manylinux_2_28_x86_64"), free)
    assert not suits_target(offer("torch", "2.8.0", "cp313-cp313-manylinux_2_28_x86_64"), free)
    assert not suits_target(offer("torch", "2.8.0", "cp39-abi3-manylinux_2_28_x86_64"), free)
    assert not suits_target(offer("torch", "2.8.0"), here(implementation="pypy"))


def test_the_tags_of_the_target_itself_decide_where_they_are_known() -> None:
    there = here(wheel_tags=("cp311-cp311-manylinux_2_17_x86_64",))
    assert suits_target(offer("torch", "2.6.0", "cp311-cp311-manylinux_2_17_x86_64"), there)
    assert not suits_target(offer("torch", "2.8.0"), there)


def test_an_unknown_libc_is_no_obstacle() -> None:
    tag = read_platform("manylinux_2_28_x86_64")
    assert tag is not None
    assert runs_on(tag, here(glibc=None).host)


@pytest.mark.parametrize(
    "filename",
    [
        "torch-2.8.0.tar.gz",
        "torch-2.8.0.whl",
        "torch-2.9.0-cp311-cp311-manylinux_2_28_x86_64.whl",
        "torchx-2.8.0-cp311-cp311-manylinux_2_28_x86_64.whl",
        "torch-new-cp311-cp311-manylinux_2_28_x86_64.whl",
    ],
)
def test_a_file_that_is_not_what_it_is_offered_as_does_not_count(filename: str) -> None:
    assert not suits_target(replace(offer("torch", "2.8.0"), filename=filename), here())


@given(st.text())
def test_no_tag_and_no_file_name_is_too_strange(text: str) -> None:
    read_platform(text)
    assert not suits_target(replace(offer("torch", "2.8.0"), filename=text), here())
