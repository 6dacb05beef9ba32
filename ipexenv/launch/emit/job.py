"""Turn a run that the user describes into an EmitJob: settings for the nodes, what is left to them, what to know."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from ipexenv.errors import UsageError
from ipexenv.facts import Topology
from ipexenv.launch.emit.carry import carry_over
from ipexenv.launch.emit.demand import demand_of
from ipexenv.launch.emit.model import EmitJob, Placing
from ipexenv.launch.openmp import COMPACT
from ipexenv.launch.setting import Setting
from ipexenv.launch.settings import choose_settings
from ipexenv.launch.workers import plan_workers

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator, Mapping

    from ipexenv.launch.emit.carry import Carried
    from ipexenv.launch.emit.model import Demand
    from ipexenv.launch.run_words import Started
    from ipexenv.launch.setting import HostPlacement, HostView, RunWish

    Choose = Callable[[HostView, RunWish, Mapping[str, str]], HostPlacement]

_SECRET = re.compile(r"TOKEN|SECRET|PASSW|CREDENTIAL|API_?KEY", re.IGNORECASE)
_BINDING = ("OMP_PROC_BIND", "OMP_PLACES", "KMP_AFFINITY")
"""Settings with which OpenMP binds its threads by itself: wrong where the rank does not own its cores."""


def job_of(  # noqa: PLR0913 (what a job is made of, each by its name)
    options: argparse.Namespace,
    view: HostView,
    wish: RunWish,
    env: Mapping[str, str],
    *,
    what: Started,
    nodes: int,
    ranks_per_node: int,
    python: str | None = None,
    more: Mapping[str, str] | None = None,
    choose: Choose = choose_settings,
) -> EmitJob:
    """Return the job that ``options`` (those of ``add_emit_options``) describe.

    ``view`` is this machine, which stands for the nodes where the user says nothing else; ``python`` is the
    interpreter as the user named it, None where it was found, so that no path of this machine goes into a file unasked;
    ``more`` is ``--env``. Raises UsageError.
    """
    demand = demand_of(options, what, nodes)
    wish = replace(wish, ranks_per_host=ranks_per_node, hosts=nodes, world_size=nodes * ranks_per_node)
    wish = replace(wish, under_intel_mpi=options.emit == "mpijob" and demand.mpi == "hydra")
    cpus = _cpus(options, view.host.topology, wish)
    placement = choose(node_view(view, cpus, ranks_per_node), wish, {**env, **(more or {})})
    carried = carry_over(placement, package_folder=view.package_folder, containers=options.emit != "slurm")
    carried = _with_more(carried, more or {})
    interpreter = python if python and options.emit == "slurm" else "python"
    here = choose(view, replace(wish, ranks_per_host=wish.world_size, hosts=1), env) if _at_home(options) else None
    cpusets = _cpusets(here, cpus) if here else ()
    return EmitJob(
        demand=demand,
        python=interpreter,
        command=what.command(interpreter),
        nodes=nodes,
        ranks_per_node=ranks_per_node,
        cpus_per_rank=cpus,
        environment=carried.environment,
        placing=_placing(carried, wish, view, cpus),
        cpusets=cpusets,
        notes=(
            *carried.notes,
            *_secrets(more or {}),
            *_notes(options, demand, what, cpus, bound=bool(cpusets) or not wish.bind),
        ),
    )


def node_view(view: HostView, cpus_per_rank: int, ranks: int) -> HostView:
    """Return a node of which counts alone are known: what a scheduler gives is settled when the job starts."""
    cpus = cpus_per_rank * ranks
    topology = Topology(sockets=1, numa_nodes=1, physical_cores=cpus, logical_cpus=cpus, usable_cores=cpus)
    host = replace(view.host, topology=topology)
    return replace(view, name="node", host=host, interface=None, gloo_interface=None)


def _with_more(carried: Carried, more: Mapping[str, str]) -> Carried:
    """Return ``carried`` with what the user wants set whatever it is called and whatever it holds."""
    reason = "what ranks print is seen when they print it"
    unbuffered = Setting(name="PYTHONUNBUFFERED", value="1", reason=reason)
    given = [Setting(name=name, value=text, reason="given with --env", by_user=True) for name, text in more.items()]
    kept = [setting for setting in (*carried.environment, unbuffered) if setting.name not in more]
    relative = tuple(pair for pair in carried.relative if pair[0] not in more)
    return replace(carried, environment=(*kept, *given), relative=relative)


def _at_home(options: argparse.Namespace) -> bool:
    """Say whether all nodes are on this machine, as containers."""
    return bool(options.emit == "compose")


def _cpus(options: argparse.Namespace, topology: Topology, wish: RunWish) -> int:
    """Return the cores of a rank: what the user says, else the share that it would have here."""
    if options.cpus_per_rank is not None:
        if options.cpus_per_rank < 1:
            raise UsageError(f"--cpus-per-rank {options.cpus_per_rank} leaves nothing to compute on", code="usage")
        return int(options.cpus_per_rank)
    ranks = (wish.world_size if _at_home(options) else wish.ranks_per_host) or 1
    known = len(topology.usable_cpus) if wish.logical_cpus else topology.usable_cores or topology.physical_cores
    return max((known or ranks) // ranks, 1)


def _placing(carried: Carried, wish: RunWish, view: HostView, cpus: int) -> Placing:
    values = {setting.name: setting for setting in carried.environment}
    threads = values.get("OMP_NUM_THREADS")
    alone = wish.world_size == 1
    workers = plan_workers(wish.provider, cpus, asked=wish.ccl_workers, threads=wish.threads, alone=alone)
    runtime = "intel" if view.libraries.iomp5 else view.libraries.openmp
    return Placing(
        reserved=workers.count if workers.reserved else 0,
        shared=workers.count if not workers.reserved and wish.provider == "bindings" else 0,
        kmp_affinity=COMPACT if runtime in {"intel", "llvm"} else None,
        bind=wish.bind,
        binding=tuple(name for name in _BINDING if name in values and not values[name].by_user),
        logical_cpus=wish.logical_cpus,
        fit_threads=wish.threads is None and not (threads and threads.by_user),
        preload=carried.preload,
        package=view.package_folder.rstrip("/").rpartition("/")[2] if view.package_folder else None,
        relative=carried.relative,
    )


def _cpusets(placement: HostPlacement, most: int) -> tuple[tuple[int, ...], ...]:
    """Return the CPUs of each rank on this machine, none where ranks would have to share."""
    sets = tuple(rank.cpus[:most] for rank in placement.ranks)
    return sets if all(sets) and len({cpu for cpus in sets for cpu in cpus}) == sum(map(len, sets)) else ()


def _secrets(more: Mapping[str, str]) -> Iterator[str]:
    for name in more:
        if _SECRET.search(name):
            yield f"{name} stands in the file for everybody to read; a secret of the scheduler's is the place for it"


def _notes(options: argparse.Namespace, demand: Demand, what: Started, cpus: int, *, bound: bool) -> Iterator[str]:
    if _at_home(options) and not bound:
        yield "the ranks are not bound: this machine has no core of its own for each of them"
    if options.cpus_per_rank is None and not _at_home(options):
        yield f"{cpus} core{'s' * (cpus > 1)} for each rank, as on this machine; `--cpus-per-rank N` says otherwise"
    if options.emit == "slurm":
        return
    known = [place for place in (demand.working_directory, demand.volume and demand.volume.path) if place]
    for path in (PurePosixPath(word.partition("=")[2] if word.startswith("--") else word) for word in what.words):
        if path.is_absolute() and not any(path.is_relative_to(place) for place in known):
            yield f"{path} is a path of this machine, perhaps: the container needs it too (`--pvc NAME:PATH`)"
