"""Rules about the machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from packaging.version import Version

from ipexenv.facts import IsaLevel
from ipexenv.resolve.rules import host
from tests.unit.resolve.builders import bindings, here, ipex, situation, torch

if TYPE_CHECKING:
    from ipexenv.resolve.rules import Rule

RELEASE = ipex("2.7.0", glibc="2.28", glibcxx="3.4.30", execstack=True, needed_libs=["libzstd.so.1"])


@pytest.mark.parametrize(
    ("rule", "name", "facts", "reason"),
    [
        (
            host.operating_system,
            "operating-system",
            {"system": "darwin", "architecture": "arm64"},
            "has wheels for Linux, and the target runs macOS",
        ),
        (
            host.architecture,
            "architecture",
            {"architecture": "aarch64"},
            "has wheels for x86_64, and the target is aarch64",
        ),
        (host.musl, "musl", {"musl": True}, "has wheels for glibc, and the target's C library is musl"),
        (host.glibc, "glibc", {"glibc": "2.17"}, "needs glibc 2.28 or newer, and the target has 2.17"),
        (
            host.glibcxx,
            "glibcxx",
            {"glibcxx": Version("3.4.28")},
            "needs GLIBCXX_3.4.30, and the target's libstdc++ ends at 3.4.28",
        ),
        (
            host.instruction_set,
            "isa",
            {"isa": IsaLevel.DEFAULT},
            "needs AVX2, and the processor offers no AVX2",
        ),
        (
            host.executable_stack,
            "execstack",
            {"glibc": "2.41"},
            "needs an executable stack, which glibc 2.41 and newer refuse; the target has 2.41",
        ),
        (
            host.system_libraries,
            "libraries",
            {"libraries": ("libz.so.1",)},
            "needs libzstd.so.1, and the target's loader does not find it",
        ),
    ],
)
def test_each_rule_names_what_the_release_needs_and_what_the_target_has(
    rule: Rule, name: str, facts: dict[str, Any], reason: str
) -> None:
    assert rule(RELEASE, situation(here())) is None
    rejection = rule(RELEASE, situation(here(**facts)))
    assert rejection is not None
    assert (rejection.release, rejection.rule) == ("intel_extension_for_pytorch 2.7.0", name)
    assert rejection.reason == reason


@pytest.mark.parametrize(
    "unknown",
    [{"glibc": None}, {"isa": None}, {"glibcxx": None}, {"libraries": None}],
    ids=lambda facts: next(iter(facts)),
)
def test_an_unknown_fact_does_not_object(unknown: dict[str, Any]) -> None:
    rules = (host.glibc, host.glibcxx, host.instruction_set, host.executable_stack, host.system_libraries)
    assert [rule(RELEASE, situation(here(**unknown))) for rule in rules] == [None] * len(rules)


def test_the_last_glibc_that_loads_an_executable_stack_is_2_40() -> None:
    assert host.executable_stack(RELEASE, situation(here(glibc="2.40"))) is None
    assert host.executable_stack(RELEASE, situation(here(glibc="2.42"))) is not None
    assert host.executable_stack(ipex("2.8.0"), situation(here(glibc="2.42"))) is None


def test_the_glibc_of_torch_is_that_of_its_platform_tag() -> None:
    assert host.glibc(torch("2.8.0"), situation(here(glibc="2.27"))) is not None
    assert host.glibc(torch("2.8.0"), situation(here(glibc="2.28"))) is None
    tolerant = torch("2.6.0", platforms=["manylinux_2_28_x86_64", "linux_x86_64"])
    assert host.glibc(tolerant, situation(here(glibc="2.17"))) is None


def test_a_machine_of_another_system_gets_one_objection_not_three() -> None:
    there = situation(here(system="windows", architecture="AMD64"))
    rules = (host.operating_system, host.architecture, host.musl, host.glibc)
    assert [rule(ipex("2.8.0"), there) is not None for rule in rules] == [True, False, False, False]


def test_amd64_is_x86_64() -> None:
    assert host.architecture(RELEASE, situation(here(architecture="amd64"))) is None


def test_bindings_without_a_glibc_promise_are_still_built_for_glibc() -> None:
    assert host.musl(bindings("2.7.0"), situation(here(musl=True))) is not None
    assert host.glibc(bindings("2.7.0"), situation(here(glibc="2.17"))) is None


def test_a_release_without_known_platforms_is_not_judged_by_them() -> None:
    source_only = bindings("1.9", platforms=[])
    there = situation(here(system="windows", architecture="aarch64", musl=True))
    assert [rule(source_only, there) for rule in (host.operating_system, host.architecture, host.musl)] == [None] * 3


def test_of_torch_the_tables_know_only_what_they_list() -> None:
    rejection = host.architecture(torch("2.15.0"), situation(here(architecture="aarch64")))
    assert rejection is not None
    assert rejection.reason == "is in the tables for x86_64, and the target is aarch64"
