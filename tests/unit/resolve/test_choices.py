"""The options that `install` and `resolve` share."""

from __future__ import annotations

import pytest
from packaging.specifiers import SpecifierSet

from ipexenv.errors import UsageError
from ipexenv.outcome import Request
from ipexenv.resolve.choices import torch_range
from tests.unit.resolve.builders import typed


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("2.8", "==2.8.*"),
        ("2.8.*", "==2.8.*"),
        ("2", "==2.*"),
        ("1.12.1", "==1.12.1"),
        ("v2.7.0", "==2.7.0"),
        (" 2.8.0+cpu ", "==2.8.0+cpu"),
        ("2.9.0rc1", "==2.9.0rc1"),
    ],
)
def test_two_numbers_mean_any_patch_and_three_exactly_that(text: str, meant: str) -> None:
    assert torch_range(text) == SpecifierSet(meant)


@pytest.mark.parametrize("text", ["", "latest", ">=2.6", "2.x", "torch==2.8"])
def test_what_is_no_version_is_named(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        torch_range(text)
    assert caught.value.message == f"--torch {text!r} is not a version"
    assert caught.value.hint is not None


def test_nothing_said_is_the_default_request() -> None:
    assert typed("ipexenv install") == Request()


def test_everything_said() -> None:
    line = (
        "ipexenv install --torch 2.7.1 --stack native --ccl bindings --ccl-version 2.7.0 "
        "--mpi --allow-torch-change --allow-yanked --offline --source a --source b"
    )
    assert typed(line) == Request(
        stack="native",
        ccl="bindings",
        torch=SpecifierSet("==2.7.1"),
        ccl_version="2.7.0",
        allow_torch_change=True,
        allow_yanked=True,
        mpi=True,
    )


def test_a_version_of_nothing_is_a_contradiction() -> None:
    with pytest.raises(UsageError, match="--ccl none and --ccl-version 2.7.0 contradict each other"):
        typed("ipexenv install --ccl none --ccl-version 2.7.0")


def test_a_version_of_the_bindings_is_none_of_the_bridge() -> None:
    with pytest.raises(UsageError, match="--ccl bridge and --ccl-version 2.7.0 contradict each other") as caught:
        typed("ipexenv install --ccl bridge --ccl-version 2.7.0")
    assert caught.value.causes[0].startswith("--ccl-version names a version of Intel's bindings")


def test_a_bindings_version_that_is_none_is_named() -> None:
    with pytest.raises(UsageError, match="--ccl-version 'new' is not a version"):
        typed("ipexenv install --ccl-version new")
