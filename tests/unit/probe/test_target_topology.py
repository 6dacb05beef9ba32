"""What another host tells of itself is as good as its own files."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from ipexenv.probe import _target_topology
from ipexenv.probe.learnt import Learnt
from ipexenv.probe.topology import gathered_topology, look_at_topology, topology_of
from ipexenv.system.files import Tree
from ipexenv.system.kernel import LinuxKernel
from tests.machines import RECORDED, recorded_files

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Write = Callable[[Mapping[str, str]], Path]


def gather_at(root: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    module: Any = _target_topology
    real = module.read

    def matches(pattern: str) -> list[str]:
        return [path.as_posix()[len(str(root)) :] for path in root.glob(pattern[1:])]

    monkeypatch.setattr(module, "read", lambda path: real(f"{root}{path}"))
    monkeypatch.setattr(module, "glob", SimpleNamespace(glob=matches))
    gathered: dict[str, Any] = module.gather()
    return gathered


@pytest.mark.parametrize("file", RECORDED, ids=lambda file: file.stem)
def test_recorded_machines_come_over_whole(file: Path, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    root = write(recorded_files(file))
    gathered = {**gather_at(root, monkeypatch), "affinity": None}
    assert gathered_topology(json.loads(json.dumps(gathered)))[0] == topology_of(Tree.at(root), None, Learnt())


def test_a_quota_comes_over_from_above_the_own_group(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {
        "/sys/devices/system/cpu/online": "0-7",
        "/proc/self/cgroup": "0::/kubepods/pod1/box",
        "/proc/self/mountinfo": "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw",
        "/sys/fs/cgroup/kubepods/pod1/cpu.max": "250000 100000",
        "/sys/fs/cgroup/kubepods/pod1/box/cpuset.cpus.effective": "2-5",
    }
    topology, _ = gathered_topology({**gather_at(write(files), monkeypatch), "affinity": [4, 5, 6]})
    assert (topology.cpu_quota, topology.usable_cpus) == (2.5, (4, 5))


def test_a_container_that_sees_a_part_of_the_hierarchy(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {
        "/sys/devices/system/cpu/online": "0-7",
        "/proc/self/cgroup": "3:cpu,cpuacct:/docker/box",
        "/proc/self/mountinfo": "30 23 0:26 /docker/box /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct",
        "/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "300000",
        "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000",
    }
    topology, _ = gathered_topology({**gather_at(write(files), monkeypatch), "affinity": None})
    assert topology.cpu_quota == 3


def test_started_as_a_program_it_tells_of_this_machine() -> None:
    ended = subprocess.run(
        [sys.executable, "-I", str(Path(_target_topology.__file__))], capture_output=True, text=True, check=True
    )
    topology, shm_bytes = gathered_topology(json.loads(ended.stdout))
    assert topology == look_at_topology(Tree.at(Path("/")), LinuxKernel(), Learnt())
    assert shm_bytes is None or shm_bytes > 0
