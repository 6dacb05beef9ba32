"""Sockets, NUMA nodes and cores of the host, and what affinity and control groups leave of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ipexenv.facts import Topology
from ipexenv.probe.cgroup import allowed_units, cpu_quota
from ipexenv.probe.processors import Processor, count_nodes, online_processors

if TYPE_CHECKING:
    from ipexenv.probe.learnt import Learnt
    from ipexenv.system.files import Tree
    from ipexenv.system.kernel import Kernel


def look_at_topology(tree: Tree, kernel: Kernel, learnt: Learnt) -> Topology:
    """Return the topology of the machine whose /proc and /sys are in ``tree``; unknown parts stay None."""
    processors, origin = online_processors(tree)
    affinity = kernel.affinity()
    if not processors and affinity:
        processors = tuple(Processor(unit=unit, core=f"unit {unit}", socket=None) for unit in sorted(affinity))
        origin = "sched_getaffinity alone"
    learnt.note("host.topology", origin)
    allowed = allowed_units(tree)
    learnt.note("host.topology.usable_cpus", _limits(affinity, allowed))
    usable = [
        processor
        for processor in processors
        if (affinity is None or processor.unit in affinity) and (allowed is None or processor.unit in allowed)
    ]
    return Topology(
        sockets=_count({processor.socket for processor in processors} - {None}),
        numa_nodes=count_nodes(tree, frozenset(processor.unit for processor in processors)),
        physical_cores=_count({processor.core for processor in processors}),
        logical_cpus=_count(processors),
        usable_cpus=tuple(processor.unit for processor in usable),
        usable_cores=_count({processor.core for processor in usable}),
        cpu_quota=cpu_quota(tree),
    )


def _count(found: set[str] | set[str | None] | tuple[Processor, ...]) -> int | None:
    return len(found) or None


def _limits(affinity: frozenset[int] | None, allowed: frozenset[int] | None) -> str:
    known = ["affinity"] * (affinity is not None) + ["cpuset"] * (allowed is not None)
    return " and ".join(known) or "no limit found"
