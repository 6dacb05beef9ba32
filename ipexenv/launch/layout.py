"""Which cores of a host belong to which rank. Pure.

Ranks are split as ``ipexrun`` splits them on machines that it knows (one for each NUMA node, physical cores, evenly),
and better where it is wrong: nodes of unlike size, cores that affinity or a cpuset take away, quotas, hybrid
processors, kernels without NUMA, more ranks than cores.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ipexenv.facts import ProcessingUnit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ipexenv.facts import Topology

WORTH_A_RANK_EACH = 0.75
"""One rank for each domain is right as long as their smallest share keeps this part of the machine busy.

Data-parallel ranks wait for the slowest: two nodes of which 4 and 2 cores are left do the work of 2 + 2.
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Core:
    """One physical core, as far as it may be used."""

    cpus: tuple[int, ...]
    """Its usable logical CPUs, never empty; the first one is computed on."""
    domain: tuple[int, int]
    """What it shares memory with: ``(0, NUMA node)``, or ``(1, socket)`` where no node lists it."""
    efficient: bool = False

    @property
    def numa_node(self) -> int | None:
        """Return its NUMA node, None where nothing tells."""
        kind, number = self.domain
        return number if kind == 0 else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Room:
    """What a host has for its ranks."""

    cores: tuple[Core, ...]
    """Usable cores to compute on: domain by domain, lowest CPU first."""
    idle: tuple[Core, ...]
    """Usable ones that are left alone: the slower kind of a hybrid processor."""
    budget: int
    """How many CPUs may be busy at once: the cores, or fewer under a quota."""
    known: bool
    """Whether it is known which logical CPUs share a core; if not, nothing can be bound."""

    @property
    def is_capped(self) -> bool:
        """Say whether a quota leaves fewer CPUs than there are cores, so that which ones is the kernel's choice."""
        return self.budget < len(self.cores)


def room_of(topology: Topology) -> Room:
    """Return the cores that the ranks of a host may use."""
    units, known = _units(topology)
    usable = frozenset(topology.usable_cpus)
    threads: dict[int, list[ProcessingUnit]] = {}
    for unit in sorted(units, key=lambda unit: unit.unit):
        if unit.unit in usable or not usable:
            threads.setdefault(unit.core, []).append(unit)
    cores = _in_order([_core(found) for found in threads.values()])
    fast = tuple(core for core in cores if not core.efficient)
    idle = tuple(core for core in cores if core.efficient) if fast else ()
    chosen = fast or tuple(cores)
    quota = topology.cpu_quota
    budget = len(chosen) if quota is None else min(max(math.floor(quota), 1), len(chosen))
    return Room(cores=chosen, idle=idle, budget=budget, known=known)


def domains_of(cores: Sequence[Core]) -> tuple[tuple[Core, ...], ...]:
    """Return the cores, which are in order, in groups that share memory: NUMA nodes, else sockets."""
    found: dict[tuple[int, int], list[Core]] = {}
    for core in cores:
        found.setdefault(core.domain, []).append(core)
    return tuple(map(tuple, found.values()))


def default_ranks(room: Room) -> int:
    """Return how many ranks a host gets where nobody says: one for each NUMA node that the work can fill."""
    domains = domains_of(room.cores)
    if room.is_capped:
        held, count = 0, 0
        for domain in domains:
            if held >= room.budget:
                break
            held, count = held + len(domain), count + 1
        return min(count, room.budget)
    for ranks in range(len(domains), 1, -1):
        shares = split_cores(room.cores, ranks)
        if ranks * min(len(share) for share in shares) >= WORTH_A_RANK_EACH * len(room.cores):
            return ranks
    return 1


def split_cores(cores: Sequence[Core], ranks: int) -> tuple[tuple[Core, ...], ...]:
    """Return the cores of each rank; with more ranks than cores several ranks get the same one.

    Whole domains where ranks divide them, equal parts of a domain where it is the other way round, else equal parts of
    all cores in their order. What is left over stays free.
    """
    domains = domains_of(cores)
    if ranks > len(cores):
        return tuple((cores[rank % len(cores)],) for rank in range(ranks))
    if len(domains) % ranks == 0:
        each = len(domains) // ranks
        return tuple(
            tuple(core for domain in domains[rank * each : (rank + 1) * each] for core in domain)
            for rank in range(ranks)
        )
    if ranks % len(domains) == 0 and all(len(domain) * len(domains) >= ranks for domain in domains):
        each = ranks // len(domains)
        return tuple(part for domain in domains for part in _parts(domain, each))
    return _parts(cores, ranks)


def _parts(cores: Sequence[Core], count: int) -> tuple[tuple[Core, ...], ...]:
    size = len(cores) // count
    return tuple(tuple(cores[index * size : (index + 1) * size]) for index in range(count))


def _in_order(cores: Sequence[Core]) -> list[Core]:
    """Sort domains by their lowest CPU, and the cores of each by theirs."""
    lowest: dict[tuple[int, int], int] = {}
    for core in cores:
        lowest[core.domain] = min(core.cpus[0], lowest.get(core.domain, core.cpus[0]))
    return sorted(cores, key=lambda core: (lowest[core.domain], core.domain, core.cpus))


def _core(units: Sequence[ProcessingUnit]) -> Core:
    first = units[0]
    domain = (1, first.socket or 0) if first.numa_node is None else (0, first.numa_node)
    return Core(cpus=tuple(unit.unit for unit in units), domain=domain, efficient=first.efficient)


def _units(topology: Topology) -> tuple[tuple[ProcessingUnit, ...], bool]:
    """Return the units; where only counts are known, as many cores as there are, and that they are made up."""
    if topology.units:
        return topology.units, True
    cpus = topology.usable_cpus
    count = topology.usable_cores or topology.physical_cores or len(cpus) or topology.logical_cpus or 1
    if cpus and count == len(cpus):
        return tuple(ProcessingUnit(unit=cpu, core=cpu) for cpu in cpus), True
    names = cpus[:count] if cpus else range(count)
    return tuple(ProcessingUnit(unit=cpu, core=cpu) for cpu in names), False
