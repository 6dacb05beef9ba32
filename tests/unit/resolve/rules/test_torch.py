"""Rules about the torch in hand."""

from __future__ import annotations

import pytest
from packaging.version import Version

from ipexenv.resolve.rules import objections
from ipexenv.resolve.rules import torch as rules
from ipexenv.resolve.situation import TorchInHand
from tests.unit.resolve.builders import bindings, here, ipex, situation, torch


def in_hand(version: str, *, installed: bool = True, abi: bool | None = None, build: str | None = None) -> TorchInHand:
    return TorchInHand(version=Version(version), installed=installed, cxx11_abi=abi, build=build)


@pytest.mark.parametrize("version", ["2.8.0", "2.8.1", "2.8.0+cpu", "2.8.0+cu128", "2.8.0a0+git1234"])
def test_every_build_and_patch_of_the_minor_is_the_minor(version: str) -> None:
    assert rules.torch_version(ipex("2.8.0"), situation(settled=in_hand(version))) is None


@pytest.mark.parametrize(
    ("installed", "asked", "words"),
    [
        (True, None, "torch 2.13.0 is installed"),
        (False, "2.13", "torch 2.13.0 is wanted"),
        (False, None, "torch 2.13.0 is chosen"),
    ],
)
def test_another_torch_is_named_with_how_it_came_to_be(*, installed: bool, asked: str | None, words: str) -> None:
    there = situation(settled=in_hand("2.13.0", installed=installed), torch=asked)
    rejection = rules.torch_version(ipex("2.8.0"), there)
    assert rejection is not None
    assert rejection.reason == f"needs torch 2.8.*, and {words}"


def test_a_documented_near_miss_of_the_bindings_says_so() -> None:
    release = bindings("1.12.0", not_torch=["1.12.1"])
    rejection = rules.torch_version(release, situation(settled=in_hand("1.12.1+cpu")))
    assert rejection is not None
    assert rejection.reason == "is for torch 1.12.0 only, and torch 1.12.1+cpu is installed"


def test_the_abi_has_to_agree() -> None:
    old = ipex("2.6.0", cxx11_abi=False)
    assert rules.cxx11_abi(old, situation(settled=in_hand("2.6.0", abi=False))) is None
    assert rules.cxx11_abi(old, situation(settled=in_hand("2.6.0", abi=None))) is None
    rejection = rules.cxx11_abi(old, situation(settled=in_hand("2.6.0", abi=True, build="cu126")))
    assert rejection is not None
    assert rejection.reason == ("is built with the old C++ ABI, and torch 2.6.0 (cu126 build) with the new one")


def test_the_abi_of_a_torch_that_does_not_match_anyway_adds_nothing() -> None:
    found = objections(ipex("2.6.0", cxx11_abi=False), situation(settled=in_hand("2.7.0", abi=True)))
    assert [rejection.rule for rejection in found] == ["torch"]


@pytest.mark.parametrize(("version", "build"), [("2.8.0+xpu", None), ("2.8.0", "xpu"), ("2.8.0+rocm6.4", None)])
def test_a_torch_for_another_device_takes_no_cpu_release(version: str, build: str | None) -> None:
    rejection = rules.other_device(ipex("2.8.0"), situation(settled=in_hand(version, build=build)))
    assert rejection is not None
    assert "a build for another device" in rejection.reason
    assert rules.other_device(bindings("2.7.0"), situation(settled=in_hand(version, build=build))) is not None


def test_a_cuda_build_works_on_the_cpu() -> None:
    assert rules.other_device(ipex("2.8.0"), situation(settled=in_hand("2.8.0", build="cu128"))) is None


def test_rules_about_torch_are_silent_where_none_is_settled() -> None:
    there = situation(here())
    for rule in (rules.torch_version, rules.cxx11_abi, rules.other_device):
        assert rule(ipex("2.8.0"), there) is None
        assert rule(torch("2.8.0"), there) is None
    assert rules.torch_in_words(there) == "no torch is chosen"
