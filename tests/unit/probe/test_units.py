from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ipexenv.facts import ProcessingUnit
from ipexenv.probe.learnt import Learnt
from ipexenv.probe.topology import topology_of
from ipexenv.probe.units import efficient_units
from ipexenv.system.files import MappingTree
from tests.machines import DATA, RECORDED, recorded

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

CPU = "/sys/devices/system/cpu"
FOUR = frozenset(range(4))


def units(files: Mapping[str, str]) -> tuple[ProcessingUnit, ...]:
    return topology_of(MappingTree(files=files), None, Learnt()).units


def of_each(name: str, values: list[int | None]) -> dict[str, str]:
    return {f"{CPU}/cpu{unit}/{name}": str(value) for unit, value in enumerate(values) if value is not None}


@pytest.mark.parametrize(
    ("files", "slow"),
    [
        ({}, set()),
        ({"/sys/devices/cpu_core/cpus": "0-1"}, {2, 3}),
        ({"/sys/devices/cpu_core/cpus": "0-3"}, set()),
        ({"/sys/devices/cpu_core/cpus": "8-9"}, set()),  # all performance cores are off line: nobody is slower
        (of_each("cpu_capacity", [1024, 1024, 446, 446]), {2, 3}),
        (of_each("cpu_capacity", [1024, 1024, 1009, 1009]), set()),  # favoured cores of one kind
        (of_each("cpu_capacity", [1024, None, 446, 446]), set()),  # cannot be compared
        (of_each("cpufreq/cpuinfo_max_freq", [5000000, 5200000, 3900000, 3900000]), {2, 3}),
        (of_each("cpufreq/cpuinfo_max_freq", [5700000, 5700000, 4600000, 4600000]), {2, 3}),
        (of_each("cpufreq/cpuinfo_max_freq", [5250000, 5700000, 5250000, 5700000]), set()),  # two chiplets
        (of_each("cpufreq/cpuinfo_max_freq", [0, 0, 0, 0]), set()),
    ],
)
def test_slower_kinds_of_cores(files: dict[str, str], slow: set[int]) -> None:
    assert efficient_units(MappingTree(files=files), FOUR) == slow


def test_a_unit_knows_its_place() -> None:
    files = {f"{CPU}/online": "0-3", "/sys/devices/system/node/node2/cpulist": "0,2"}
    files |= {f"{CPU}/cpu{unit}/topology/core_cpus_list": f"{unit % 2},{unit % 2 + 2}" for unit in range(4)}
    files |= {f"{CPU}/cpu{unit}/topology/package_cpus_list": f"{unit % 2},{unit % 2 + 2}" for unit in range(4)}
    assert units(files) == (
        ProcessingUnit(unit=0, core=0, socket=0, numa_node=2),
        ProcessingUnit(unit=1, core=1, socket=1, numa_node=None),
        ProcessingUnit(unit=2, core=0, socket=0, numa_node=2),
        ProcessingUnit(unit=3, core=1, socket=1, numa_node=None),
    )


def test_units_listed_by_several_nodes_belong_to_the_first() -> None:
    found = recorded(DATA / "topologies" / "8em64t-2s2ca2c-buggynuma.json").units
    assert {unit.numa_node for unit in found} == {0}


@pytest.mark.parametrize("name", ["topologies/20em64t-hybrid-1p6c2t+2ca4co1t", "cpus/Intel-RaptorLake-Corei7-1370P"])
def test_hybrid_processors(name: str) -> None:
    found = recorded(DATA / f"{name}.json").units
    assert [unit.unit for unit in found if unit.efficient] == list(range(12, 20))


@pytest.mark.parametrize("file", RECORDED, ids=lambda file: file.stem)
def test_units_agree_with_the_counts(file: Path) -> None:
    topology = recorded(file)
    found = topology.units
    assert len(found) == topology.logical_cpus
    assert len({unit.core for unit in found}) == topology.physical_cores
    assert len({unit.socket for unit in found}) == topology.sockets
    assert all(min(other.unit for other in found if other.core == unit.core) == unit.core for unit in found)
    nodes: Any = {unit.numa_node for unit in found} - {None}
    assert (len(nodes) or 1) == topology.numa_nodes
