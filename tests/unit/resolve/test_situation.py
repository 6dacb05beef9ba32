"""Small questions that every rule asks."""

from __future__ import annotations

import pytest
from packaging.version import Version

from ipexenv.facts import IsaLevel
from ipexenv.resolve.situation import (
    is_for_other_device,
    is_installed,
    isa_words,
    same_version,
    span,
    torch_row,
    upstream,
)
from tests.unit.resolve.builders import answer, here, ipex, market, offer, pins, refusal, small_tables, tables, torch


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2.8.0", "2.8.0+cpu", True),
        ("2.8.0+cpu", "2.8.0+cpu", True),
        ("2.8.0+cpu", "2.8.0+cu128", False),
        ("2.8", "2.8.0", True),
        ("2.8.1", "2.8.0", False),
    ],
)
def test_labels_count_where_both_have_one(one: str, other: str, *, same: bool) -> None:
    assert same_version(Version(one), Version(other)) is same


def test_a_build_for_another_device_is_not_the_release() -> None:
    assert is_for_other_device(Version("2.8.0"), "xpu")
    assert not is_for_other_device(Version("2.8.0+cu128"))
    assert is_installed(ipex("2.8.0"), here(torch="2.8.0", packages={"ipex": "2.8.0+cpu"}))
    assert not is_installed(ipex("2.8.0"), here(torch="2.8.0", packages={"ipex": "2.8.0+xpu"}))


@pytest.mark.parametrize(
    ("version", "released"),
    [
        ("2.5.1", "2.5.1"),
        ("2.5.1.post108", "2.5.1"),
        ("2.5.1+cpu", "2.5.1"),
        ("2.5.1.post2+cpu", "2.5.1"),
        ("2.6.0rc1", "2.6.0rc1"),
        ("2.6.0.dev20241112+cpu", "2.6.0.dev20241112"),
    ],
)
def test_builds_of_torch_are_told_from_releases(version: str, released: str) -> None:
    assert upstream(Version(version)) == Version(released)


def test_a_build_of_conda_stands_in_the_row_of_its_release() -> None:
    row = torch_row(tables(), Version("2.5.1.post108"))
    assert row is not None
    assert row.version == Version("2.5.1")


def test_a_build_of_conda_is_kept_where_its_release_is_wanted() -> None:
    conda = here(torch="2.7.0.post108", build="conda")
    for wanted in ("2.7.0", "2.7", "2.7.0.post108"):
        resolution = answer(conda, torch=wanted)
        assert pins(resolution)["torch"] == "2.7.0.post108"
        assert "patch-drift" not in [note.code for note in resolution.notes]
        assert str(resolution.ccl_version) == "2.7.0"


@pytest.mark.parametrize(
    ("versions", "words"),
    [
        ([], "no version"),
        (["3.11"], "3.11"),
        (["3.10", "3.9", "3.11"], "3.9 to 3.11"),
        (["3.9", "3.11"], "3.9, 3.11"),
    ],
)
def test_versions_for_people(versions: list[str], words: str) -> None:
    assert span(map(Version, versions)) == words


def test_levels_for_people() -> None:
    assert [isa_words(level) for level in (IsaLevel.DEFAULT, IsaLevel.AVX512_BF16, IsaLevel.AMX)] == [
        "no AVX2",
        "AVX512-BF16",
        "AMX",
    ]


def test_a_release_whose_torch_no_table_knows() -> None:
    error = refusal(here(), known=small_tables(ipex("3.0.0"), torch("3.1.0")))
    assert error.causes == ("intel_extension_for_pytorch 3.0.0 needs torch 3.0.*, and no such torch can be had",)


def test_a_torch_that_this_python_has_no_wheel_of_is_named() -> None:
    known = small_tables(ipex("3.0.0"), torch("3.0.0", python=["3.12"]))
    assert refusal(here(), known=known).causes[0] == (
        "intel_extension_for_pytorch 3.0.0 needs torch 3.0.*, and torch 3.0.0 has wheels for Python 3.12, "
        "and the target is Python 3.11"
    )
    served = market(offer("torch", "3.0.0"), offer("intel_extension_for_pytorch", "3.0.0"))
    assert pins(answer(here(), served, known=known))["torch"] == "3.0.0"
