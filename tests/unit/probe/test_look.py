from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

from packaging.version import Version

from ipexenv.facts import IsaLevel, Libc, Topology
from ipexenv.facts_json import facts_as_mapping, read_facts
from ipexenv.probe.choice import TargetChoice
from ipexenv.probe.look import probe
from ipexenv.system.world import World
from tests.fakes import FakeKernel, FakeRunner

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    Write = Callable[[Mapping[str, str]], Path]

WHERE = TargetChoice(executable="/env/bin/python", how="--venv", venv="/env")
SILENT_KERNEL = FakeKernel(cpus=None, size_bytes=None)


def test_the_whole_look(write: Write, answering: Callable[..., FakeRunner]) -> None:
    root = write(
        {
            "/etc/os-release": 'NAME=Debian\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"',
            "/proc/cpuinfo": "processor : 0\nvendor_id : GenuineIntel\nflags : avx2 fma",
            "/lib/python3.11/site-packages/torch-2.8.0.dist-info/METADATA": "Name: torch\nVersion: 2.8.0",
        }
    )
    runner = answering(search_path=[f"{root}/lib/python3.11/site-packages"])
    env = {"PYTHONPATH": "/elsewhere"}
    facts = probe(World(runner=runner, kernel=FakeKernel(cpus=frozenset({0})), env=env, root=root), WHERE)
    assert dict(facts.learnt)["installed"] == "PYTHONPATH is set, and its folders are not looked into"
    assert facts.host.distribution == "Debian GNU/Linux 12 (bookworm)"
    assert (facts.host.kernel, facts.host.architecture, facts.host.shm_bytes) == ("6.1.0", "x86_64", 1 << 30)
    assert facts.host.libc == Libc(family="glibc", version=Version("2.36"))
    assert facts.host.cpu.isa is IsaLevel.AVX2
    assert facts.host.topology.usable_cpus == (0,)
    assert facts.target.version == Version("3.11.7")
    assert facts.installed.torch is not None
    assert dict(facts.learnt)["target"] == "/env/bin/python, chosen by --venv"
    assert [name for name, _ in facts.learnt] == sorted(name for name, _ in facts.learnt)


def test_facts_survive_the_way_through_json(write: Write, answering: Callable[..., FakeRunner]) -> None:
    root = write({"/proc/cpuinfo": "processor : 0\nflags : avx2 fma"})
    facts = probe(World(runner=answering(), kernel=FakeKernel(), env={}, root=root), WHERE)
    assert read_facts(json.loads(json.dumps(facts_as_mapping(facts))), where="facts") == facts


def test_a_host_that_tells_nothing(tmp_path: Path, answering: Callable[..., FakeRunner]) -> None:
    silent = dict.fromkeys(("glibc", "kernel", "machine", "system", "mapped", "writable", "multiarch"))
    runner = answering(**silent, site_packages=[], search_path=[])
    facts = probe(World(runner=runner, kernel=SILENT_KERNEL, env={}, root=tmp_path / "empty"), WHERE)
    assert facts.host.topology == Topology()
    assert facts.host.libc == Libc()
    assert (facts.host.distribution, facts.host.shm_bytes, facts.host.cpu.isa) == (None, None, None)
    assert (facts.target.glibcxx, facts.target.libraries, facts.target.wheel_tags) == (None, None, ())


def test_unreadable_paths_are_unknown(tmp_path: Path, answering: Callable[..., FakeRunner]) -> None:
    for path in ("proc/cpuinfo", "etc/os-release", "etc/ld.so.cache", "proc/self/mountinfo"):
        (tmp_path / path).mkdir(parents=True)  # a directory where a file should be cannot be read by root either
    facts = probe(World(runner=answering(), kernel=SILENT_KERNEL, env={}, root=tmp_path), WHERE)
    assert facts.host.distribution is None
    assert dataclasses.asdict(facts.host.cpu)["flags"] == ()


def test_os_release_without_a_pretty_name(write: Write, answering: Callable[..., FakeRunner]) -> None:
    root = write({"/usr/lib/os-release": "NAME=odd\n=\nrubbish"})
    assert probe(World(runner=answering(), kernel=SILENT_KERNEL, env={}, root=root), WHERE).host.distribution is None
