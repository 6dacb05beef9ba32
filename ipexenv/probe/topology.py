"""Sockets, NUMA nodes and cores of a host, and what affinity and control groups leave of them.

For a host elsewhere its own Python runs ``_target_topology.py`` (sent as text; it prints one JSON document), and
``gathered_topology`` makes the same Topology of what it says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ipexenv.facts import Topology
from ipexenv.probe.cgroup import allowed_units, cpu_quota
from ipexenv.probe.learnt import Learnt
from ipexenv.probe.processors import Processor, online_processors
from ipexenv.probe.units import count_nodes, processing_units
from ipexenv.system.files import MappingTree

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ipexenv.system.files import Files
    from ipexenv.system.kernel import Kernel


def look_at_topology(files: Files, kernel: Kernel, learnt: Learnt) -> Topology:
    """Return the topology of the machine whose /proc and /sys are in ``files``; unknown parts stay None."""
    return topology_of(files, kernel.affinity(), learnt)


def gathered_topology(gathered: Mapping[str, Any]) -> tuple[Topology, int | None]:
    """Return topology and size of /dev/shm in bytes of another host, from what ``_target_topology.gather`` told there.

    ``gathered`` holds ``files`` (text by path), ``affinity`` (list of units or None) and ``shm_bytes``.
    """
    affinity = gathered.get("affinity")
    units = None if affinity is None else frozenset(affinity)
    return topology_of(MappingTree(files=gathered["files"]), units, Learnt()), gathered.get("shm_bytes")


def topology_of(files: Files, affinity: frozenset[int] | None, learnt: Learnt) -> Topology:
    """Return the topology that ``files`` tell, for a process with this CPU affinity (None: not known)."""
    processors, origin = online_processors(files)
    if not processors and affinity:
        processors = tuple(Processor(unit=unit, core=f"unit {unit}", socket=None) for unit in sorted(affinity))
        origin = "sched_getaffinity alone"
    learnt.note("host.topology", origin)
    allowed = allowed_units(files)
    learnt.note("host.topology.usable_cpus", _limits(affinity, allowed))
    usable = [
        processor
        for processor in processors
        if (affinity is None or processor.unit in affinity) and (allowed is None or processor.unit in allowed)
    ]
    return Topology(
        sockets=_count({processor.socket for processor in processors} - {None}),
        numa_nodes=count_nodes(files, frozenset(processor.unit for processor in processors)),
        physical_cores=_count({processor.core for processor in processors}),
        logical_cpus=_count(processors),
        usable_cpus=tuple(processor.unit for processor in usable),
        usable_cores=_count({processor.core for processor in usable}),
        cpu_quota=cpu_quota(files),
        units=processing_units(files, processors),
    )


def _count(found: set[str] | set[str | None] | tuple[Processor, ...]) -> int | None:
    return len(found) or None


def _limits(affinity: frozenset[int] | None, allowed: frozenset[int] | None) -> str:
    known = ["affinity"] * (affinity is not None) + ["cpuset"] * (allowed is not None)
    return " and ".join(known) or "no limit found"
