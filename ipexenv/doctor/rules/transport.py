"""Variables that tell ranks, MPI and libfabric how to find each other, where that cannot be. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ipexenv.doctor.finding import Finding
from ipexenv.doctor.rules.variables import LAUNCHED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ipexenv.doctor.surroundings import Surroundings, TransportView

_ADAPTERS = frozenset({"verbs", "psm2", "psm3", "mlx", "efa", "opx", "cxi", "usnic"})
"""Providers of libfabric that need an adapter of their own (fabric(7) and the providers' manual pages)."""

_INSIDE = frozenset({"tcp", "sockets", "udp", "shm", "net", "rxm", "rxd", "mrail", "lnx", "off", "hook", "coll"})
"""Providers that libfabric may hold itself, without a file of their own."""

_STARTED = (*LAUNCHED, "TORCHELASTIC_RUN_ID", "LOCAL_WORLD_SIZE")
_RANK = ("RANK", "WORLD_SIZE", "LOCAL_RANK")


def provider_unusable(seen: Surroundings) -> Iterator[Finding]:
    """Report that FI_PROVIDER asks for what libfabric does not have, or for an adapter that this host lacks."""
    value, view = seen.env.get("FI_PROVIDER", ""), seen.transport
    asked = [part.removeprefix("ofi_") for part in re.split(r"[;,+\s]", value.lower()) if part]
    objection = None if value.startswith("^") or not asked else _objection(asked, view)
    if objection is not None:
        yield Finding(
            id="fi-provider",
            severity="error",
            summary=f"FI_PROVIDER is {value}: {objection}",
            evidence=(
                f"FI_PROVIDER={value}",
                *((f"providers in {view.providers_in}: {', '.join(view.providers)}",) if view.providers else ()),
            ),
            cause="it was set for another machine, or is misspelt; oneCCL and MPI then stop with fi_getinfo",
            cure="`export FI_PROVIDER=tcp`, or unset it: `ipexenv run` and `ipexenv verify` choose one",
        )


def _objection(asked: list[str], view: TransportView) -> str | None:
    """Return what speaks against the providers that are asked for; one that will do is enough."""
    offered = {*view.providers} or {*_ADAPTERS, *_INSIDE}
    missing = [part for part in asked if part not in offered and part not in _INSIDE]
    if missing:
        return f"there is no provider {missing[0]}"
    adapters = [part for part in asked if part in _ADAPTERS]
    if adapters and not view.has_fabric and not {"tcp", "sockets"} & {*asked}:
        return f"there is no adapter for {adapters[0]} on this host"
    return "Intel MPI does not start with it, which wants one for the network" if asked == ["shm"] else None


def mpi_root_unset(seen: Surroundings) -> Iterator[Finding]:
    """Report that the MPI transport of oneCCL 2021 is asked for, and nothing says where Intel MPI lies."""
    if not _wants(seen, "mpi") or seen.transport.old_oneccl is None:
        return
    if not any(seen.env.get(name) for name in ("I_MPI_ROOT", "ONEAPI_ROOT")):
        yield Finding(
            id="i-mpi-root-unset",
            severity="error",
            summary="CCL_ATL_TRANSPORT is mpi, and I_MPI_ROOT is not set",
            evidence=("CCL_ATL_TRANSPORT=mpi, without I_MPI_ROOT and ONEAPI_ROOT", seen.transport.old_oneccl),
            cause="oneCCL 2021 stops where neither says which MPI it is to take",
            cure=f'`eval "$(ipexenv env{seen.target_words})"`, or `unset CCL_ATL_TRANSPORT`',
        )


def library_out_of_sight(seen: Surroundings) -> Iterator[Finding]:
    """Report that oneCCL is told to use MPI or libfabric, and would not find its library."""
    installed, view = seen.facts.installed, seen.transport
    if not (installed.bindings or installed.bridge or view.old_oneccl):
        return
    mpi = f"`ipexenv install{seen.target_words} --mpi` brings it" if installed.bridge else ""
    set_up = f'`eval "$(ipexenv env{seen.target_words})"` leads to what the packages bring'
    for transport, library, found in (("mpi", "libmpi", view.libmpi), ("ofi", "libfabric", view.libfabric)):
        if _wants(seen, transport) and not found:
            yield Finding(
                id=f"{library}-missing",
                severity="error",
                summary=f"CCL_ATL_TRANSPORT is {transport}, and oneCCL would not find {library}",
                evidence=(
                    f"CCL_ATL_TRANSPORT={transport}",
                    f"no {library} below I_MPI_ROOT, in LD_LIBRARY_PATH, or where the loader looks",
                ),
                cause="what sets the paths (setvars.sh, `ipexenv env`) was not run here, or it is not installed",
                cure=f"{mpi or set_up}; or `unset CCL_ATL_TRANSPORT`",
            )


def mpirun_missing(seen: Surroundings) -> Iterator[Finding]:
    """Report that the MPI transport is asked for where there is no mpirun to start ranks for it."""
    if _wants(seen, "mpi") and not seen.transport.mpirun and not any(name in seen.env for name in LAUNCHED):
        yield Finding(
            id="mpirun-missing",
            severity="warning",
            summary="CCL_ATL_TRANSPORT is mpi, and there is no mpirun of Intel MPI",
            evidence=("CCL_ATL_TRANSPORT=mpi", "none of Intel MPI on PATH, below I_MPI_ROOT or in the environment"),
            cause="only ranks that mpirun has started find each other over MPI",
            cure=f"`ipexenv install{seen.target_words} --mpi`, or `unset CCL_ATL_TRANSPORT`",
        )


def _wants(seen: Surroundings, transport: str) -> bool:
    return seen.env.get("CCL_ATL_TRANSPORT", "").lower() == transport


def rank_left_over(seen: Surroundings) -> Iterator[Finding]:
    """Report that this shell claims to be a rank: a script that is started in it waits for the others."""
    found = [f"{name}={seen.env[name]}" for name in _RANK if seen.env.get(name)]
    alone = seen.env.get("WORLD_SIZE", "1") == "1" and seen.env.get("RANK", "0") == "0"
    if found and not alone and not any(name in seen.env for name in _STARTED):
        yield Finding(
            id="rank-left-over",
            severity="warning",
            summary=f"this shell claims to be a rank: {', '.join(found)}",
            evidence=tuple(found),
            cause="they were exported by hand, or are left over from a job: a script waits for other ranks for ever",
            cure=f"`unset {' '.join(name for name in _RANK if seen.env.get(name))}`; `ipexenv run` sets them by itself",
        )


def port_taken(seen: Surroundings) -> Iterator[Finding]:
    """Report that somebody listens already on the port where the ranks are to meet."""
    if seen.transport.taken_port is not None:
        yield Finding(
            id="port-taken",
            severity="warning",
            summary=f"MASTER_PORT is {seen.transport.taken_port}, and somebody listens there already",
            evidence=(f"MASTER_PORT={seen.transport.taken_port}", "binding to it fails with EADDRINUSE"),
            cause="another job uses it, or the last one has not ended",
            cure="`unset MASTER_PORT`: `ipexenv run` finds a free one; `ss -ltnp` shows who listens",
        )


RULES = (provider_unusable, mpi_root_unset, library_out_of_sight, mpirun_missing, rank_left_over, port_taken)
