"""Where each rank of a host computes and where its oneCCL workers run. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ipexenv.launch.layout import default_ranks, domains_of, room_of, split_cores
from ipexenv.launch.openmp import thread_limit
from ipexenv.launch.placement_notes import notes_on, unbound_note
from ipexenv.launch.workers import plan_workers, reserved_cpus, shared_cpus

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ipexenv.facts import Topology
    from ipexenv.launch.layout import Core, Room
    from ipexenv.launch.setting import RunWish
    from ipexenv.launch.workers import Workers


@dataclass(frozen=True, kw_only=True, slots=True)
class PlacedRank:
    """One rank."""

    cpus: tuple[int, ...]
    """What it is bound to, its workers' CPUs included; empty where it is not bound."""
    computing: tuple[int, ...]
    """Where it computes; not bound, where it would."""
    workers: tuple[int, ...]
    """One CPU for each oneCCL worker."""
    threads: int
    numa_nodes: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Placed:
    """All ranks of a host."""

    ranks: tuple[PlacedRank, ...]
    workers: Workers
    room: Room
    pinned: bool
    """Whether each rank has CPUs that were counted out for it, so that its threads may be tied to them."""
    notes: tuple[str, ...]


def place_ranks(topology: Topology, wish: RunWish, own: Mapping[str, str]) -> Placed:
    """Place the ranks of a host with this topology; ``own`` are the user's variables."""
    room = room_of(topology)
    count = wish.ranks_per_host or default_ranks(room)
    shares = split_cores(room.cores, count)
    allowance = min(*(len(share) for share in shares), max(room.budget // count, 1))
    alone = max(wish.world_size, wish.hosts, count) == 1
    workers = plan_workers(wish.provider, allowance, asked=wish.ccl_workers, threads=wish.threads, alone=alone)
    pinned = wish.bind and room.known and not room.is_capped
    by_node = room.is_capped and count == len(domains_of(room.cores)) > 1
    bound = pinned or (wish.bind and room.known and by_node)
    ranks = []
    for index, share in enumerate(shares):
        allowed = max(room.budget // count, 1) if room.is_capped else None
        rank = _place(share, workers, wish, allowed=allowed, turn=index // len(room.cores))
        cpus = {*rank.computing, *(rank.workers if workers.reserved else ())} if bound else set()
        nodes = _nodes(share, topology) if bound else ()
        threads = min(rank.threads, thread_limit(own) or rank.threads)
        ranks.append(replace(rank, cpus=tuple(sorted(cpus)), threads=threads, numa_nodes=nodes))
    notes = notes_on(room, wish, shares, workers, own)
    if wish.bind and not bound:
        notes = (*notes, unbound_note(room))
    return Placed(ranks=tuple(ranks), workers=workers, room=room, pinned=pinned, notes=notes)


def _place(share: Sequence[Core], workers: Workers, wish: RunWish, *, allowed: int | None, turn: int) -> PlacedRank:
    """Place one rank on its cores; ``turn`` counts ranks on the same core.

    Under a quota it may keep ``allowed`` CPUs busy, and has all of its share: nobody can say which it will get.
    """
    kept = workers.count if workers.reserved else 0
    free = share[kept:] if allowed is None else share
    firsts = [core.cpus[turn % len(core.cpus)] for core in free]
    seconds = [cpu for core in free for cpu in core.cpus if cpu not in firsts]
    if allowed is not None:
        computing, threads = tuple(sorted([*firsts, *seconds])), wish.threads or max(allowed - kept, 1)
    else:
        both = len(firsts) + len(seconds)
        threads = wish.threads or (both if wish.logical_cpus and turn == 0 else len(firsts))
        computing = tuple([*firsts, *seconds][:threads])
    own = () if allowed is not None else reserved_cpus(share, kept)
    at = own or shared_cpus(share, computing, workers.count)
    return PlacedRank(cpus=(), computing=computing, workers=at, threads=threads)


def _nodes(share: Sequence[Core], topology: Topology) -> tuple[int, ...]:
    """Return the NUMA nodes of the cores; none where they are all there are, or where a core has no node."""
    nodes = {core.numa_node for core in share}
    known = {node for node in nodes if node is not None}
    everywhere = {unit.numa_node for unit in topology.units}
    return tuple(sorted(known)) if known == nodes != everywhere else ()
