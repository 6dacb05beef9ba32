from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ipexenv.probe.cgroup import allowed_units, cpu_quota
from ipexenv.system.files import Tree

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    Write = Callable[[Mapping[str, str]], Path]

V2 = "31 23 0:28 / /sys/fs/cgroup rw,relatime shared:4 - cgroup2 cgroup2 rw,nsdelegate"
V1_CPU = "32 31 0:29 {top} /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct"
V1_CPUSET = "33 31 0:30 {top} /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset"


def test_without_control_groups_nothing_is_limited(tmp_path: Path) -> None:
    assert allowed_units(Tree.at(tmp_path)) is None
    assert cpu_quota(Tree.at(tmp_path)) is None


@pytest.mark.parametrize(
    ("files", "quota"),
    [
        ({"job/cpu.max": "150000 100000"}, 1.5),
        ({"job/cpu.max": "max 100000"}, None),
        ({"job/cpu.max": "max 100000", "cpu.max": "400000 100000"}, 4.0),
        ({"job/cpu.max": "800000 100000", "cpu.max": "400000 100000"}, 4.0),
        ({"job/cpu.max": "50000"}, None),
        ({"job/cpu.max": "50000 0"}, None),
        ({"job/cpu.max": "rubbish"}, None),
    ],
)
def test_quota_of_version_2_is_the_tightest_on_the_way_up(
    files: Mapping[str, str], quota: float | None, write: Write
) -> None:
    groups = {f"/sys/fs/cgroup/{name}": text for name, text in files.items()}
    root = write({"/proc/self/mountinfo": V2, "/proc/self/cgroup": "0::/job", **groups})
    assert cpu_quota(Tree.at(root)) == quota


def test_quota_of_version_1(write: Write) -> None:
    folder = "/sys/fs/cgroup/cpu,cpuacct/slurm"
    root = write(
        {
            "/proc/self/mountinfo": V1_CPU.format(top="/"),
            "/proc/self/cgroup": "4:cpu,cpuacct:/slurm/job",
            f"{folder}/cpu.cfs_quota_us": "250000",
            f"{folder}/cpu.cfs_period_us": "100000",
            f"{folder}/job/cpu.cfs_quota_us": "-1",
            f"{folder}/job/cpu.cfs_period_us": "100000",
        }
    )
    assert cpu_quota(Tree.at(root)) == 2.5


def test_a_container_sees_its_own_group_as_the_mount(write: Write) -> None:
    """Docker on v1 without a cgroup namespace: the path is the host's, the mount shows the container's part."""
    root = write(
        {
            "/proc/self/mountinfo": V1_CPUSET.format(top="/docker/0a1b"),
            "/proc/self/cgroup": "3:cpuset:/docker/0a1b",
            "/sys/fs/cgroup/cpuset/cpuset.cpus": "4-7",
        }
    )
    assert allowed_units(Tree.at(root)) == frozenset({4, 5, 6, 7})


@pytest.mark.parametrize("path", ["/../../other", "/", "/no/such/group"])
def test_a_path_that_is_not_mounted_falls_back_to_the_mount(path: str, write: Write) -> None:
    root = write(
        {
            "/proc/self/mountinfo": V2,
            "/proc/self/cgroup": f"0::{path}",
            "/sys/fs/cgroup/cpuset.cpus.effective": "1-2",
            "/sys/fs/cgroup/cpu.max": "100000 100000",
        }
    )
    assert allowed_units(Tree.at(root)) == frozenset({1, 2})
    assert cpu_quota(Tree.at(root)) == 1.0


def test_a_foreign_mounted_directory_counts_from_the_mount(write: Write) -> None:
    root = write(
        {
            "/proc/self/mountinfo": V1_CPUSET.format(top="/docker/0a1b"),
            "/proc/self/cgroup": "3:cpuset:/elsewhere",
            "/sys/fs/cgroup/cpuset/cpuset.effective_cpus": "0",
        }
    )
    assert allowed_units(Tree.at(root)) == frozenset({0})


def test_the_nearest_group_with_a_cpuset_speaks(write: Write) -> None:
    root = write(
        {
            "/proc/self/mountinfo": V2,
            "/proc/self/cgroup": "0::/user.slice/session",
            "/sys/fs/cgroup/user.slice/cpuset.cpus.effective": "0-3",
            "/sys/fs/cgroup/cpuset.cpus.effective": "0-63",
        }
    )
    assert allowed_units(Tree.at(root)) == frozenset({0, 1, 2, 3})


def test_hybrid_hosts_obey_both_versions(write: Write) -> None:
    root = write(
        {
            "/proc/self/mountinfo": f"{V1_CPUSET.format(top='/')}\n{V2}\nshort line",
            "/proc/self/cgroup": "3:cpuset:/a\n0::/b\nrubbish",
            "/sys/fs/cgroup/cpuset/a/cpuset.cpus": "0-3",
            "/sys/fs/cgroup/b/cpuset.cpus.effective": "2-9",
        }
    )
    assert allowed_units(Tree.at(root)) == frozenset({2, 3})


def test_mount_points_with_spaces(write: Write) -> None:
    root = write(
        {
            "/proc/self/mountinfo": V2.replace("/sys/fs/cgroup", "/my\\040groups"),
            "/proc/self/cgroup": "0::/",
            "/my groups/cpuset.cpus.effective": "5",
        }
    )
    assert allowed_units(Tree.at(root)) == frozenset({5})
