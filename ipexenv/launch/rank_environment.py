"""Threads, workers and masks as variables: of all ranks of a host, and of each. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ipexenv.launch.masks import pin_domain
from ipexenv.launch.openmp import binding_settings
from ipexenv.launch.provider_environment import rank_settings
from ipexenv.launch.setting import Setting

if TYPE_CHECKING:
    from ipexenv.launch.placement import Placed
    from ipexenv.launch.setting import Libraries, RunWish


def host_settings(placed: Placed, wish: RunWish) -> tuple[Setting, ...]:
    """Return threads, oneCCL's workers and Intel MPI's masks, as they hold for all ranks of the host."""
    threads = min(rank.threads for rank in placed.ranks)
    found = [Setting(name="OMP_NUM_THREADS", value=str(threads), reason=_threads_reason(placed, wish))]
    found += _workers(placed, wish)
    if placed.pinned:
        masks = pin_domain([rank.computing for rank in placed.ranks])
        reason = "the CPUs of each rank in turn, for Intel MPI's Hydra, which would count hyper-threads as cores"
        if wish.under_intel_mpi:
            found.append(Setting(name="I_MPI_PIN_DOMAIN", value=masks, reason=reason))
    elif wish.under_intel_mpi:
        reason = "the ranks are not bound"
        found.append(Setting(name="I_MPI_PIN", value="0", reason=reason))
    return tuple(found)


def own_settings(placed: Placed, local_rank: int, wish: RunWish, libraries: Libraries) -> tuple[Setting, ...]:
    """Return what one rank has for itself alone."""
    rank = placed.ranks[local_rank]
    found = []
    if rank.threads != min(other.threads for other in placed.ranks):
        reason = f"this rank has {rank.threads} cores"
        found.append(Setting(name="OMP_NUM_THREADS", value=str(rank.threads), reason=reason))
    if placed.pinned:
        runtime = "intel" if libraries.iomp5 else libraries.openmp
        # Hydra binds to the cores that compute; the others bind to the workers' as well.
        whole = wish.under_intel_mpi or rank.cpus == tuple(sorted(rank.computing))
        found += binding_settings(runtime, rank.computing, threads=rank.threads, whole=whole)
    return (*found, *rank_settings(wish, local_rank, len(placed.ranks)))


def _workers(placed: Placed, wish: RunWish) -> list[Setting]:
    workers = placed.workers
    if not workers.count:
        return []
    reason = workers.reason
    if wish.provider == "bridge":
        reason += "; accelerate before 1.13 wants to see it"
    found = [Setting(name="CCL_WORKER_COUNT", value=str(workers.count), reason=reason)]
    if wish.provider == "bridge" and (not workers.reserved or not placed.pinned):
        return found  # the bridge chooses a CPU among those that the rank really has
    where = ",".join(str(cpu) for rank in placed.ranks for cpu in rank.workers)
    apart = workers.reserved and not placed.room.is_capped
    words = "cores on which no rank computes" if apart else "idle hyper-threads, else the last CPUs of each rank"
    found.append(Setting(name="CCL_WORKER_AFFINITY", value=where, reason=words))
    if not apart:
        reason = "a worker that waits gives its CPU to the threads that compute there"
        found.append(Setting(name="CCL_YIELD", value="sched_yield", reason=reason))
        found.append(Setting(name="CCL_SPIN_COUNT", value="100", reason=reason))
    return found


def _threads_reason(placed: Placed, wish: RunWish) -> str:
    ranks = len(placed.ranks)
    if wish.threads is not None:
        return "as asked for"
    room = placed.room
    shared = f" shared by {ranks} ranks" if ranks > 1 else ""
    number = room.budget if room.is_capped else len(room.cores)
    what = ("CPU" if room.is_capped else "physical core") + ("" if number == 1 else "s")
    what = f"{number} {what}{' of the quota' if room.is_capped else ''}"
    less = f", less {placed.workers.count} a rank for oneCCL" if placed.workers.reserved else ""
    return f"{what}{shared}{less}"
