from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ipexenv.facts import Topology
from ipexenv.probe.learnt import Learnt
from ipexenv.probe.topology import look_at_topology
from ipexenv.system.files import Tree
from tests.fakes import FakeKernel

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    Write = Callable[[Mapping[str, str]], Path]

CPU = "/sys/devices/system/cpu"
NODE = "/sys/devices/system/node"
TWO_SOCKETS = """processor : 0
physical id : 0
core id : 0

processor : 1
physical id : 0
core id : 1

processor : 2
physical id : 1
core id : 0

processor : 3
physical id : 1
core id : 0"""


def look(root: Path, *, cpus: frozenset[int] | None = None) -> tuple[Topology, Mapping[str, str]]:
    learnt = Learnt()
    return look_at_topology(Tree.at(root), FakeKernel(cpus=cpus), learnt), learnt.notes


def counts(topology: Topology) -> tuple[int | None, ...]:
    return topology.sockets, topology.numa_nodes, topology.physical_cores, topology.logical_cpus


def test_no_files_and_no_affinity_is_unknown(tmp_path: Path) -> None:
    topology, learnt = look(tmp_path)
    assert topology == Topology()
    assert learnt["host.topology"] == "nothing"


def test_affinity_alone_counts_units(tmp_path: Path) -> None:
    topology, learnt = look(tmp_path, cpus=frozenset({3, 5}))
    assert counts(topology) == (None, 1, 2, 2)
    assert (topology.usable_cpus, topology.usable_cores) == ((3, 5), 2)
    assert learnt["host.topology"] == "sched_getaffinity alone"


def test_cpuinfo_stands_in_for_a_missing_sys(write: Write) -> None:
    topology, learnt = look(write({"/proc/cpuinfo": TWO_SOCKETS}), cpus=frozenset({1, 2, 3}))
    assert counts(topology) == (2, 1, 3, 4)
    assert topology.usable_cores == 2
    assert learnt["host.topology"] == "/proc/cpuinfo"


def test_cpuinfo_stands_in_for_a_missing_topology_directory(write: Write) -> None:
    root = write({"/proc/cpuinfo": TWO_SOCKETS, f"{CPU}/online": "0-3", f"{NODE}/node0/cpulist": "0-3"})
    assert counts(look(root)[0]) == (2, 1, 3, 4)


def test_arm_cpuinfo_names_no_cores(write: Write) -> None:
    assert counts(look(write({"/proc/cpuinfo": "processor : 0\n\nprocessor : 1"}))[0]) == (None, 1, 2, 2)


def test_units_without_topology_or_cpuinfo_count_as_cores(write: Write) -> None:
    topology, learnt = look(write({f"{CPU}/online": "0-2"}))
    assert counts(topology) == (None, 1, 3, 3)
    assert learnt["host.topology"] == f"{CPU}, which knows no cores"


def test_ids_name_cores_where_no_siblings_are_shown(write: Write) -> None:
    files = {f"{CPU}/online": "0-3"}
    for unit, (package, die, core) in enumerate([(0, 0, 0), (0, 0, 0), (0, 1, 0), (1, 0, 0)]):
        folder = f"{CPU}/cpu{unit}/topology"
        files |= {f"{folder}/physical_package_id": str(package), f"{folder}/die_id": str(die)}
        files |= {f"{folder}/core_id": str(core)}
    assert counts(look(write(files))[0]) == (2, 1, 3, 4)


def test_unknown_package_ids_are_no_sockets(write: Write) -> None:
    files = {f"{CPU}/online": "0-1"}
    for unit in (0, 1):
        files |= {f"{CPU}/cpu{unit}/topology/physical_package_id": "-1", f"{CPU}/cpu{unit}/topology/core_id": "0"}
    assert counts(look(write(files))[0]) == (None, 1, 2, 2)


def test_one_unit_without_topology_is_a_core_of_its_own(write: Write) -> None:
    folder = f"{CPU}/cpu0/topology"
    files = {f"{CPU}/online": "0-1", f"{folder}/core_cpus_list": "0", f"{folder}/package_cpus_list": "0"}
    assert counts(look(write(files))[0]) == (1, 1, 2, 2)


@pytest.mark.parametrize(
    ("nodes", "count"),
    [
        ({}, 1),
        ({"node0": "0-1", "node1": "2-3"}, 2),
        ({"node0": "0-1", "node1": ""}, 1),  # memory alone, as HBM or CXL
        ({"node0": "0-3", "node1": "0-3"}, 1),
        ({"node0": "0-2", "node1": "2-3"}, 2),
        ({"node1": "0-1"}, 1),
        ({"node0": "8-15", "node2": "0-3"}, 1),  # node0's units are off line
        ({"node0": "rubbish", "node1": "0-3"}, 1),
        ({"node0": "0", "node2": "1", "node10": "2-3"}, 3),
    ],
)
def test_nodes_count_by_online_units_of_their_own(nodes: dict[str, str], count: int, write: Write) -> None:
    files = {f"{NODE}/{name}/cpulist": text for name, text in nodes.items()}
    root = write({f"{CPU}/online": "0-3", f"{NODE}/possible": "0", **files})
    assert look(root)[0].numa_nodes == count


def test_rubbish_in_sys_is_ignored(write: Write) -> None:
    root = write({f"{CPU}/online": "\x00\xff", f"{CPU}/cpufreq/x": "1", f"{CPU}/cpu0/online": "1"})
    assert look(root)[0].logical_cpus == 1
