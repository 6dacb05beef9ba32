"""Variables of the environment that lead nowhere, or to the wrong place. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ipexenv.doctor.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ipexenv.doctor.surroundings import Surroundings

PATH_LISTS = ("LD_PRELOAD", "LD_LIBRARY_PATH", "PYTHONPATH")
PATHS = ("I_MPI_ROOT", "CCL_ROOT", "FI_PROVIDER_PATH", "ONEAPI_ROOT")

LAUNCHED = ("PMI_RANK", "PMIX_RANK", "PMI_FD", "OMPI_COMM_WORLD_RANK", "SLURM_PROCID")
"""What launchers of MPI and Slurm leave in the environment of a rank."""

_CAPS = ("ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA")


def entries(env_value: str) -> list[str]:
    """Return the parts of LD_PRELOAD or a path list; ld.so(8) takes spaces and colons between them."""
    return [part for part in re.split(r"[\s:]", env_value) if part]


def _is_number(text: str) -> bool:
    """Say whether ``int`` reads it: the digits of other scripts, and raised ones, are left to nobody's guess."""
    return text.isascii() and text.isdigit()


def preload_missing(seen: Surroundings) -> Iterator[Finding]:
    """Report that LD_PRELOAD names libraries that are not there."""
    for path in entries(seen.env.get("LD_PRELOAD", "")):
        if path in seen.missing_paths:
            yield Finding(
                id="preload-missing",
                severity="warning",
                summary=f"LD_PRELOAD names {path}, which is not there",
                evidence=(f"LD_PRELOAD={seen.env['LD_PRELOAD']}",),
                cause="it was copied from a guide, or what brought the library was removed",
                cure="take it out of LD_PRELOAD; `ipexenv run` preloads what there is",
            )


def path_missing(seen: Surroundings) -> Iterator[Finding]:
    """Report that I_MPI_ROOT and its like lead nowhere: MPI and libfabric then find nothing, and stop."""
    for name in PATHS:
        value = seen.env.get(name, "")
        parts = [part for part in value.split(":") if part]
        lost = [part for part in parts if part in seen.missing_paths]
        if lost and len(lost) == len(parts):  # of a list one folder that is there is enough
            yield Finding(
                id="path-missing",
                severity="error",
                summary=f"{name} leads to {lost[0]}, which is not there",
                evidence=(f"{name}={value}",),
                cause="the environment or the oneAPI for which it was set is gone",
                cure=f'`unset {name}`, or `eval "$(ipexenv env{seen.target_words})"` for this environment\'s own',
            )


def other_environment(seen: Surroundings) -> Iterator[Finding]:
    """Report that LD_LIBRARY_PATH leads into another environment's IPEX or bindings."""
    prefix = seen.facts.target.prefix
    for path in entries(seen.env.get("LD_LIBRARY_PATH", "")):
        strange = "intel_extension_for_pytorch" in path or "oneccl_bindings_for_pytorch" in path
        if strange and prefix is not None and not path.startswith(prefix.rstrip("/") + "/"):
            yield Finding(
                id="other-environment",
                severity="error",
                summary=f"LD_LIBRARY_PATH leads into another environment: {path}",
                evidence=(f"LD_LIBRARY_PATH={seen.env['LD_LIBRARY_PATH']}", f"this environment is {prefix}"),
                cause="a setvars.sh of the other environment was sourced in this shell",
                cure="open a new shell, or take it out of LD_LIBRARY_PATH",
            )


def system_oneapi(seen: Surroundings) -> Iterator[Finding]:
    """Report that the system's oneAPI stands before the environment's own libraries."""
    root = seen.env.get("ONEAPI_ROOT", "")
    paths = [path for path in entries(seen.env.get("LD_LIBRARY_PATH", "")) if root and path.startswith(root)]
    installed = seen.facts.installed
    if paths and (installed.bindings or installed.ipex or installed.bridge):
        yield Finding(
            id="system-oneapi",
            severity="warning",
            summary=f"oneAPI of {root} stands before this environment's own libraries",
            evidence=(f"LD_LIBRARY_PATH={seen.env['LD_LIBRARY_PATH']}",),
            cause="oneAPI's setvars.sh was sourced: its libccl, libmpi and libfabric are found first",
            cure=f'open a shell without it, and `eval "$(ipexenv env{seen.target_words})"`',
        )


def module_hidden(seen: Surroundings) -> Iterator[Finding]:
    """Report that a folder on PYTHONPATH, or the working directory, hides an installed package.

    The working directory does so for scripts in it and for ``python -m`` alone.
    """
    named = entries(seen.env.get("PYTHONPATH", ""))
    for module, folder in seen.hidden_by:
        by_path = folder in named
        yield Finding(
            id="module-hidden",
            severity="error" if by_path else "warning",
            summary=f"{folder} hides the installed {module}"
            + ("" if by_path else " from what is started in it with `python -m` or `-c`"),
            evidence=(f"{folder}/{module}", *((f"PYTHONPATH={seen.env['PYTHONPATH']}",) if by_path else ())),
            cause="Python looks there before it looks into the environment",
            cure=f"take {folder} out of PYTHONPATH" if by_path else "start from another directory, or rename it",
        )


def interface_missing(seen: Surroundings) -> Iterator[Finding]:
    """Report that a variable names a network interface that this host does not have."""
    known = seen.network.interfaces
    for name in ("CCL_KVS_IFACE", "GLOO_SOCKET_IFNAME", "FI_TCP_IFACE"):
        value = seen.env.get(name, "")
        if value and known and not set(value.split(",")) & set(known):
            yield Finding(
                id="interface-missing",
                severity="error",
                summary=f"{name} names {value}, and this host has {', '.join(known)}",
                evidence=(f"{name}={value}",),
                cause="it was set for another machine",
                cure=f"`unset {name}`: `ipexenv run` and `ipexenv verify` find the interface that leads to the others",
            )


def threads_exceed_cpus(seen: Surroundings) -> Iterator[Finding]:
    """Report that more OpenMP threads are asked for than CPUs may be used: they wait for each other."""
    text, topology = seen.env.get("OMP_NUM_THREADS", ""), seen.facts.host.topology
    usable = len(topology.usable_cpus) or topology.logical_cpus
    if topology.cpu_quota is not None:
        usable = min(usable or int(topology.cpu_quota) or 1, max(int(topology.cpu_quota), 1))
    if _is_number(text) and usable and int(text[:9]) > usable:
        yield Finding(
            id="threads-exceed-cpus",
            severity="warning",
            summary=f"OMP_NUM_THREADS is {text}, and {usable} CPU(s) may be used",
            evidence=(f"OMP_NUM_THREADS={text}",),
            cause="it was worked out for the whole machine; affinity or the container leaves less",
            cure="`unset OMP_NUM_THREADS`: `ipexenv run` chooses it",
        )


def thread_limit(seen: Surroundings) -> Iterator[Finding]:
    """Report that OMP_THREAD_LIMIT below OMP_NUM_THREADS can make backward hang (IPEX's performance tuning guide)."""
    limit, wanted = seen.env.get("OMP_THREAD_LIMIT", ""), seen.env.get("OMP_NUM_THREADS", "")
    if _is_number(limit) and _is_number(wanted) and int(limit[:9]) < int(wanted[:9]):
        yield Finding(
            id="thread-limit",
            severity="error",
            summary=f"OMP_THREAD_LIMIT {limit} is below OMP_NUM_THREADS {wanted}: backward can hang",
            evidence=(f"OMP_THREAD_LIMIT={limit}", f"OMP_NUM_THREADS={wanted}"),
            cause="autograd runs backward in a thread of its own, which then waits for threads that may not be started",
            cure="`unset OMP_THREAD_LIMIT`",
        )


def workers_outside(seen: Surroundings) -> Iterator[Finding]:
    """Report that CCL_WORKER_AFFINITY names CPUs that this process may not use."""
    listed = seen.env.get("CCL_WORKER_AFFINITY", "").split(",")
    usable = seen.facts.host.topology.usable_cpus
    outside = [cpu for cpu in listed if _is_number(cpu.strip()) and usable and int(cpu[:9]) not in usable]
    if outside:
        yield Finding(
            id="workers-outside",
            severity="error",
            summary=f"CCL_WORKER_AFFINITY names CPU {', '.join(outside)}, which this process may not use",
            evidence=(f"CCL_WORKER_AFFINITY={seen.env['CCL_WORKER_AFFINITY']}",),
            cause="affinity or the container's cpuset leaves other CPUs",
            cure="`unset CCL_WORKER_AFFINITY`: `ipexenv run` chooses it",
        )


def transport_without_launcher(seen: Surroundings) -> Iterator[Finding]:
    """Report that CCL_ATL_TRANSPORT=mpi is for ranks that mpirun started: others wait for ever."""
    if seen.env.get("CCL_ATL_TRANSPORT") == "mpi" and not any(name in seen.env for name in LAUNCHED):
        yield Finding(
            id="transport-without-launcher",
            severity="warning",
            summary="CCL_ATL_TRANSPORT is mpi in a shell that no mpirun started",
            evidence=("CCL_ATL_TRANSPORT=mpi",),
            cause="ranks started by torchrun or by hand hang with it, or end in PMPI_Comm_create_group",
            cure="`unset CCL_ATL_TRANSPORT`, or start with `ipexenv run --launcher mpirun`",
        )


def level_capped(seen: Surroundings) -> Iterator[Finding]:
    """Report that a variable holds torch or oneDNN below what the CPU can do."""
    for name in _CAPS:
        value = seen.env.get(name)
        if value and value.lower() not in {"all", "default"}:
            yield Finding(
                id="level-capped",
                severity="warning",
                summary=f"{name}={value} holds the kernels down",
                evidence=(f"{name}={value}",),
                cause="torch and oneDNN then leave the newer instructions of this CPU alone, AMX and bf16 among them",
                cure=f"`unset {name}`, unless it is there for a test",
            )


RULES = (
    preload_missing,
    path_missing,
    other_environment,
    system_oneapi,
    module_hidden,
    interface_missing,
    threads_exceed_cpus,
    thread_limit,
    workers_outside,
    transport_without_launcher,
    level_capped,
)
