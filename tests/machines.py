"""Machines that are not here: recorded ones from ``tests/data``, and made-up ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ipexenv.facts import Host, ProcessingUnit, Topology
from ipexenv.launch.setting import HostView, Libraries
from ipexenv.probe.learnt import Learnt
from ipexenv.probe.topology import topology_of
from ipexenv.system.files import MappingTree
from tests.unit.probe.conftest import machine_files

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ipexenv.launch.setting import OpenMp

DATA = Path(__file__).parent / "data"
RECORDED = tuple(sorted((*(DATA / "topologies").glob("*.json"), *(DATA / "cpus").glob("*.json"))))


def recorded_files(file: Path) -> dict[str, str]:
    """Return the files of a recorded machine by path."""
    return machine_files(json.loads(file.read_text(encoding="utf-8")))


def recorded(file: Path) -> Topology:
    """Return the topology of a recorded machine."""
    return topology_of(MappingTree(files=recorded_files(file)), None, Learnt())


def made(
    sockets: int,
    cores: int,
    *,
    threads: int = 1,
    usable: Sequence[int] | None = None,
    quota: float | None = None,
    numa: bool = True,
) -> Topology:
    """Return a machine with so many cores in each socket, numbered as Linux numbers them: second threads last."""
    count = sockets * cores
    units = tuple(
        ProcessingUnit(
            unit=thread * count + core,
            core=core,
            socket=core // cores,
            numa_node=core // cores if numa else None,
        )
        for thread in range(threads)
        for core in range(count)
    )
    allowed = tuple(range(count * threads) if usable is None else usable)
    return Topology(
        sockets=sockets,
        numa_nodes=sockets if numa else 1,
        physical_cores=count,
        logical_cpus=count * threads,
        usable_cpus=allowed,
        usable_cores=len({cpu % count for cpu in allowed}),
        cpu_quota=quota,
        units=units,
    )


def view(topology: Topology, *, openmp: OpenMp | None = "gnu", **changes: Any) -> HostView:
    """Return a host with this topology and nothing to preload."""
    given = {"libraries": Libraries(openmp=openmp), **changes}
    return HostView(name="host", host=Host(topology=topology), **given)


def extended_lscpu(topology: Topology) -> str:
    """Return what ``lscpu --all --extended`` would print, as far as ``ipexrun`` reads it."""
    columns = "L1d:L1i:L2:L3 ONLINE MAXMHZ MINMHZ MHZ"
    numa = any(unit.numa_node is not None for unit in topology.units)
    lines = [f"CPU {'NODE ' * numa}SOCKET CORE {columns}"]
    cores = _numbered_cores(topology)
    for unit in topology.units:
        node = f"{unit.numa_node or 0} " * numa
        fastest = 3900 if unit.efficient else 5000
        lines.append(f"{unit.unit} {node}{unit.socket} {cores[unit.core]} 0:0:0:0 yes {fastest}.0000 800.0000 2400.000")
    return "\n".join(lines)


def parsable_lscpu(topology: Topology) -> str:
    """Return what ``lscpu --parse=CPU,Core,Socket,Node`` would print; without NUMA the socket stands for the node."""
    cores = _numbered_cores(topology)
    return "\n".join(
        f"{unit.unit},{cores[unit.core]},{unit.socket},{unit.socket if unit.numa_node is None else unit.numa_node}"
        for unit in topology.units
    )


def _numbered_cores(topology: Topology) -> dict[int, int]:
    """Number the cores as lscpu does: one socket after the other."""
    pairs = {(unit.socket or 0, unit.core) for unit in topology.units if unit.unit == unit.core}
    return {core: number for number, (_, core) in enumerate(sorted(pairs))}
