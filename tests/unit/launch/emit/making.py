"""Jobs, machines and placements that the tests of job files are about."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from ipexenv.facts import Host, Topology
from ipexenv.launch.emit.job import job_of
from ipexenv.launch.emit.options import add_emit_options
from ipexenv.launch.run_words import Started
from ipexenv.launch.setting import HostPlacement, HostView, RankPlace, RunWish, Setting

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ipexenv.launch.emit.job import Choose
    from ipexenv.launch.emit.model import EmitJob
    from ipexenv.launch.run_words import Kind

PACKAGE = "/home/me/env/lib/python3.11/site-packages/oneccl_bindings_for_pytorch"

VIEW = HostView(
    name="localhost",
    host=Host(topology=Topology(physical_cores=8, usable_cores=8, usable_cpus=tuple(range(8)), logical_cpus=8)),
    package_folder=PACKAGE,
)
CONTAINERS = ("--image", "team/train:1", "--memory", "64Gi")
MINIMAL = {
    "slurm": (),
    "pytorchjob": CONTAINERS,
    "mpijob": CONTAINERS,
    "compose": CONTAINERS,
}


def setting(name: str, value: str, *, by_user: bool = False) -> Setting:
    return Setting(name=name, value=value, reason=f"the reason of {name}", by_user=by_user)


def placement(*settings: Setting, ranks: int = 1, own: Sequence[Sequence[Setting]] = ()) -> HostPlacement:
    places = [
        RankPlace(local_rank=rank, cpus=(rank,), compute_cpus=(rank,), settings=tuple(own[rank]) if own else ())
        for rank in range(ranks)
    ]
    return HostPlacement(host="node", ranks=tuple(places), settings=settings)


def choose_simply(view: HostView, wish: RunWish, env: Mapping[str, str]) -> HostPlacement:
    """Split the machine evenly, with one core of each rank for oneCCL; what is in ``env`` stays."""
    ranks = wish.ranks_per_host or 1
    each = (view.host.topology.usable_cores or 1) // ranks
    chosen = {
        "OMP_NUM_THREADS": str(wish.threads or max(each - 1, 1)),
        "CCL_WORKER_COUNT": "1",
        "OMP_PROC_BIND": "CLOSE",
        "LD_PRELOAD": "/usr/lib/x86_64-linux-gnu/libtcmalloc.so.4",
        "LD_LIBRARY_PATH": f"{PACKAGE}/lib:{PACKAGE}/opt/lib",
        "I_MPI_ROOT": "/home/me/env",
        "CCL_WORKER_AFFINITY": "0,4",
    }
    settings = [setting(name, env.get(name, value), by_user=name in env) for name, value in chosen.items()]
    units = view.host.topology.usable_cpus
    places = [
        RankPlace(
            local_rank=rank,
            cpus=units[rank * each : (rank + 1) * each],
            compute_cpus=units[rank * each + 1 : (rank + 1) * each],
            settings=(setting("CCL_LOCAL_RANK", str(rank)),),
        )
        for rank in range(ranks)
    ]
    return HostPlacement(host=view.name, ranks=tuple(places), settings=tuple(settings))


def options(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_emit_options(parser)
    return parser.parse_args(words)


def job(
    kind: str,
    *words: str,
    script: Sequence[str] = ("train.py", "--epochs", "3"),
    started: Kind = "script",
    nodes: int = 2,
    ranks: int = 2,
    wish: RunWish | None = None,
    env: Mapping[str, str] | None = None,
    python: str | None = None,
    more: Mapping[str, str] | None = None,
    launcher: str | None = None,
    view: HostView = VIEW,
    choose: Choose = choose_simply,
) -> EmitJob:
    asked = options("--emit", kind, *MINIMAL[kind], *words)
    asked.launcher = launcher
    return job_of(
        asked,
        view,
        wish or RunWish(provider="bindings"),
        env or {},
        what=Started(kind=started, words=tuple(script)),
        nodes=nodes,
        ranks_per_node=ranks,
        python=python,
        more=more,
        choose=choose,
    )
