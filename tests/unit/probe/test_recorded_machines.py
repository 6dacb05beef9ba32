from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ipexenv.facts import IsaLevel
from ipexenv.probe.learnt import Learnt
from ipexenv.probe.processor import look_at_processor
from ipexenv.probe.topology import look_at_topology
from ipexenv.system.files import Tree
from tests.fakes import FakeKernel

if TYPE_CHECKING:
    from collections.abc import Callable

DATA = Path(__file__).parents[2] / "data"
TOPOLOGIES = sorted((DATA / "topologies").glob("*.json"))
CPUS = sorted((DATA / "cpus").glob("*.json"))


def test_all_recorded_machines_are_there() -> None:
    assert (len(TOPOLOGIES), len(CPUS)) == (10, 6)


@pytest.mark.parametrize("file", TOPOLOGIES, ids=lambda file: file.stem)
def test_topology_is_what_hwloc_says(file: Path, machine: Callable[[Path], tuple[Path, dict[str, Any]]]) -> None:
    root, record = machine(file)
    topology = look_at_topology(Tree.at(root), FakeKernel(cpus=None), Learnt())
    seen = {name: getattr(topology, name) for name in record["expected"]}
    assert seen == record["expected"] | {"usable_cpus": tuple(record["expected"]["usable_cpus"])}
    assert topology.cpu_quota is None


@pytest.mark.parametrize("file", TOPOLOGIES, ids=lambda file: file.stem)
def test_affinity_narrows_every_machine(file: Path, machine: Callable[[Path], tuple[Path, dict[str, Any]]]) -> None:
    root, record = machine(file)
    one = record["expected"]["usable_cpus"][-1]
    topology = look_at_topology(Tree.at(root), FakeKernel(cpus=frozenset({one, 5000})), Learnt())
    assert (topology.usable_cpus, topology.usable_cores) == ((one,), 1)
    assert topology.logical_cpus == record["expected"]["logical_cpus"]


@pytest.mark.parametrize("file", CPUS, ids=lambda file: file.stem)
def test_level_and_cores_of_recorded_processors(
    file: Path, machine: Callable[[Path], tuple[Path, dict[str, Any]]]
) -> None:
    root, record = machine(file)
    kernel = FakeKernel(cpus=None, xfeatures=record["os_xfeatures"], amx=True)
    cpu = look_at_processor(Tree.at(root), kernel, architecture="x86_64", learnt=Learnt())
    topology = look_at_topology(Tree.at(root), kernel, Learnt())
    expected = record["expected"]
    assert cpu.isa is IsaLevel.from_label(expected["isa"])
    assert (cpu.vendor, cpu.model) == (record["cpuinfo"]["vendor_id"], record["cpuinfo"]["model name"])
    assert topology.sockets == expected["sockets"]
    assert topology.physical_cores == topology.usable_cores == expected["physical_cores"]
    assert topology.logical_cpus == len(topology.usable_cpus) == expected["logical_cpus"]


@pytest.mark.parametrize(
    ("amx", "xfeatures", "level"),
    [
        (False, 0x602E7, IsaLevel.AVX512_BF16),  # a sandbox that refuses the call
        (None, 0x602E7, IsaLevel.AVX512_BF16),  # a kernel before 5.16
        (True, 0x2E7, IsaLevel.AVX512_BF16),  # a hypervisor that hides the tiles' state
        (True, 0x7, IsaLevel.AVX2_VNNI),  # an OS that does not save AVX-512 registers
        (True, 0x3, IsaLevel.DEFAULT),
        (True, None, IsaLevel.AVX512_FP16),
    ],
)
def test_os_decides_what_sapphire_rapids_may_use(
    *,
    amx: bool | None,
    xfeatures: int | None,
    level: IsaLevel,
    machine: Callable[[Path], tuple[Path, dict[str, Any]]],
) -> None:
    root, _ = machine(DATA / "cpus" / "Intel-SapphireRapids-2xXeonMax9460.json")
    kernel = FakeKernel(amx=amx, xfeatures=xfeatures)
    assert look_at_processor(Tree.at(root), kernel, architecture="x86_64", learnt=Learnt()).isa is level
