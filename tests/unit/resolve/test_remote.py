"""Facts of a machine that is not here."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

import pytest
from packaging.version import Version

from ipexenv.errors import UsageError
from ipexenv.facts import IsaLevel, Libc
from ipexenv.facts_json import facts_as_mapping
from ipexenv.probe.isa import isa_level
from ipexenv.resolve.remote import add_remote_options, facts_in, is_remote, refuse_two_targets, remote_facts
from tests.unit.resolve.builders import here

if TYPE_CHECKING:
    from ipexenv.facts import Facts


def options(line: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--python")
    parser.add_argument("--venv")
    add_remote_options(parser)
    return parser.parse_args(line.split())


def described(line: str, base: Facts | None = None) -> Facts:
    return remote_facts(options(line), base, isa_of=isa_level)


def test_the_whole_description() -> None:
    facts = described("--target-python 3.8 --platform linux_x86_64 --glibc 2.31 --glibcxx 3.4.28 --cpu-flags avx2,FMA")
    assert facts.target.version == Version("3.8")
    assert facts.target.glibcxx == Version("3.4.28")
    assert (facts.host.system, facts.host.architecture) == ("linux", "x86_64")
    assert facts.host.libc == Libc(family="glibc", version=Version("2.31"))
    assert (facts.host.cpu.flags, facts.host.cpu.isa) == (("avx2", "fma"), IsaLevel.AVX2)
    assert dict(facts.learnt)["host.libc"] == "--glibc"


def test_what_is_left_out_is_unknown() -> None:
    facts = described("--target-python 3.11")
    assert (facts.host.libc.version, facts.host.cpu.isa, facts.target.glibcxx, facts.target.libraries) == (None,) * 4
    assert (facts.host.system, facts.host.architecture, facts.installed.torch) == ("linux", "x86_64", None)
    assert facts.target.wheel_tags == ()


@pytest.mark.parametrize(
    ("platform", "system", "architecture", "libc"),
    [
        ("manylinux_2_28_x86_64", "linux", "x86_64", Libc(family="glibc", version=Version("2.28"))),
        ("musllinux_1_2_aarch64", "linux", "aarch64", Libc(family="musl", version=Version("1.2"))),
        ("win_amd64", "windows", "x86_64", Libc()),
        ("macosx_14_0_arm64", "darwin", "aarch64", Libc()),
    ],
)
def test_platform_tags(platform: str, system: str, architecture: str, libc: Libc) -> None:
    host = described(f"--target-python 3.11 --platform {platform}").host
    assert (host.system, host.architecture, host.libc) == (system, architecture, libc)


def test_a_level_instead_of_flags() -> None:
    cpu = described("--target-python 3.11 --isa avx512_bf16").host.cpu
    assert cpu.isa is IsaLevel.AVX512_BF16
    assert described("--target-python 3.11 --cpu-flags avx2,fma --isa AMX").host.cpu.isa is IsaLevel.AMX


def test_no_flags_at_all_are_a_processor_without_avx2() -> None:
    parsed = options("--target-python 3.11")
    parsed.cpu_flags = ""
    assert remote_facts(parsed, None, isa_of=isa_level).host.cpu.isa is IsaLevel.DEFAULT


def test_a_free_threaded_python() -> None:
    target = described("--target-python 3.13t").target
    assert (target.version, target.free_threaded) == (Version("3.13"), True)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--target-python three", "--target-python 'three' cannot be"),
        ("--target-python 2.7", "--target-python '2.7' cannot be"),
        ("--target-python 3", "--target-python '3' cannot be"),
        ("--target-python 3.11 --platform sparc", "--platform 'sparc' cannot be"),
        ("--target-python 3.11 --glibc new", "--glibc 'new' cannot be"),
        ("--target-python 3.11 --glibcxx new", "--glibcxx 'new' cannot be"),
        ("--target-python 3.11 --isa sse", "--isa: unknown instruction-set level 'sse'"),
        ("--target-python 3.11 --platform musllinux_1_2_x86_64 --glibc 2.31", "--glibc 2.31 contradicts musl"),
        ("--glibc 2.31", "which Python the other machine has is not said"),
    ],
)
def test_a_value_that_cannot_be_is_named(line: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        described(line)
    assert caught.value.message.startswith(message)
    assert caught.value.hint


def test_glibcxx_as_error_messages_spell_it() -> None:
    assert described("--target-python 3.11 --glibcxx GLIBCXX_3.4.30").target.glibcxx == Version("3.4.30")


@pytest.mark.parametrize(
    "wrap", [lambda facts: facts, lambda facts: {"facts": facts}, lambda facts: {"data": {"facts": facts}}]
)
def test_facts_come_as_status_prints_them(wrap: Any) -> None:
    facts = here(torch="2.7.0", packages={"ipex": "2.7.0"})
    assert facts_in(json.dumps(wrap(facts_as_mapping(facts))), where="facts.json") == facts


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "facts.json is not JSON"),
        ("[]", "facts.json holds no facts"),
        ('{"data": {}}', "facts.json holds no facts"),
        ('{"target": {"version": "x"}, "host": {}}', "facts.json: target: version is 'x', expected a version"),
    ],
)
def test_facts_that_cannot_be_read_are_named(text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        facts_in(text, where="facts.json")
    assert caught.value.message.startswith(message)
    assert "ipexenv status -v --json" in (caught.value.hint or "")


def test_options_lie_over_facts() -> None:
    base = here(torch="2.7.0", wheel_tags=("cp311-cp311-linux_x86_64",))
    newer = described("--glibc 2.41", base)
    assert newer.host.libc.version == Version("2.41")
    assert newer.host.cpu == base.host.cpu
    assert newer.installed == base.installed
    assert newer.target.wheel_tags == ()
    assert newer.target.glibcxx == base.target.glibcxx
    faster = described("--isa amx", base)
    assert faster.target == base.target
    elsewhere = described("--platform linux_aarch64", base)
    assert (elsewhere.host.cpu.isa, elsewhere.target.glibcxx, elsewhere.target.libraries) == (None, None, None)
    assert described("--facts f", base) == base


def test_here_and_there_are_two_targets() -> None:
    refuse_two_targets(options("--venv v"))
    refuse_two_targets(options("--target-python 3.11"))
    with pytest.raises(UsageError, match="--venv names an environment here, and --target-python describes"):
        refuse_two_targets(options("--venv v --target-python 3.11"))
    assert not is_remote(options("--python p"))
    assert is_remote(options("--isa amx"))
