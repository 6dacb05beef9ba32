"""Choose the environment and the place of every rank of a host, from facts alone. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ipexenv.launch.allocators import preload_settings
from ipexenv.launch.openmp import positive, runtime_notes, runtime_settings
from ipexenv.launch.placement import Placed, place_ranks
from ipexenv.launch.precedence import disagreements, settled, users_own
from ipexenv.launch.provider_environment import network_settings, provider_settings
from ipexenv.launch.rank_environment import host_settings, own_settings
from ipexenv.launch.setting import HostPlacement, RankPlace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ipexenv.launch.setting import HostView, RunWish


def choose_settings(view: HostView, wish: RunWish, env: Mapping[str, str]) -> HostPlacement:
    """Return where the ranks of one host run and which variables they get.

    What the user set in ``env`` stays, with a note where something else would be chosen; an option of the command
    (``wish``) wins over a variable. Lists of paths keep the user's entries behind those that are added.
    """
    before = users_own(env)
    own = _without_overruled(before, wish)
    placed = place_ranks(view.host.topology, _as_the_user_set(wish, own), own)
    if wish.world_size < len(placed.ranks):
        wish = replace(wish, world_size=len(placed.ranks))
    runtime = "intel" if view.libraries.iomp5 else view.libraries.openmp
    preloads, lacking = preload_settings(view.libraries, wish.allocator, before, distributed=wish.world_size > 1)
    wanted = (
        *host_settings(placed, wish),
        *runtime_settings(runtime),
        *provider_settings(view, wish, before),
        *network_settings(view, wish),
        *preloads,
    )
    ranks = tuple(_rank(placed, index, view, wish, own) for index in range(len(placed.ranks)))
    return HostPlacement(
        host=view.name,
        ranks=ranks,
        settings=settled(wanted, own),
        notes=(*placed.notes, *lacking, *runtime_notes(runtime, own), *disagreements(wanted, own)),
    )


def _rank(placed: Placed, index: int, view: HostView, wish: RunWish, own: Mapping[str, str]) -> RankPlace:
    rank = placed.ranks[index]
    settings = own_settings(placed, index, wish, view.libraries)
    return RankPlace(
        local_rank=index,
        cpus=rank.cpus,
        compute_cpus=rank.computing,
        numa_nodes=rank.numa_nodes if view.libraries.numactl else (),
        settings=settled(settings, own),
    )


def _as_the_user_set(wish: RunWish, own: Mapping[str, str]) -> RunWish:
    """Return the wish with threads and workers from the user's variables where no option names them."""
    return replace(
        wish,
        threads=wish.threads or positive(own, "OMP_NUM_THREADS"),
        ccl_workers=positive(own, "CCL_WORKER_COUNT") if wish.ccl_workers is None else wish.ccl_workers,
    )


def _without_overruled(own: dict[str, str], wish: RunWish) -> dict[str, str]:
    """Leave out variables that an option of this very command overrules."""
    overruled = {
        "OMP_NUM_THREADS": wish.threads is not None,
        "CCL_WORKER_COUNT": wish.ccl_workers is not None,
        "CCL_WORKER_AFFINITY": wish.ccl_workers is not None,
        "CCL_ATL_TRANSPORT": wish.transport is not None,
    }
    return {name: value for name, value in own.items() if not overruled.get(name)}
