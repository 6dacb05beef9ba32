"""oneCCL's and libfabric's settings, chosen from what the host has; a variable that the user set is never changed.

Every choice was measured; settings span two orders of magnitude on small machines.
Names and meanings: oneCCL's and libfabric's documentation of environment variables.
"""

from __future__ import annotations

from typing import Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

CPUS_FOR_A_WORKER = 4
"""So many CPUs for each rank leave one to oneCCL's worker alone."""

LARGE_BYTES = 32 << 20
"""From here on, in shared memory, an allreduce in which each rank adds up a part is faster than oneCCL's own choice."""


class Scene(NamedTuple):
    """What the choice depends on."""

    library_folder: str
    local_rank: int
    local_size: int
    one_host: bool
    shm_room: bool
    """Whether every host has room in /dev/shm for its ranks."""
    cpus: Tuple[int, ...]
    """The CPUs that this process may use."""
    interface: Optional[str]
    """The interface that reaches the other hosts; ``None`` where none was found."""
    mpi_library: Optional[str]
    """Path of Intel MPI's library when its launcher started all ranks, else ``None``."""


def worker_cpus(cpus: Sequence[int], local_size: int) -> List[int]:
    """Return one CPU for each rank of the host, the last ones first, and over again where there are too few.

    oneCCL's worker and the thread that waits for it share this CPU: they take turns, and a hand-over on one CPU costs
    2 microseconds where one between CPUs costs 40. Each rank reads its own entry alone, so that ranks which a launcher
    pinned to different CPUs stay there, and those that share CPUs choose different ones.
    """
    falling = sorted(cpus, reverse=True)
    return [falling[local_rank % len(falling)] for local_rank in range(local_size)]


def choose(scene: Scene, environ: Mapping[str, str]) -> Dict[str, str]:
    """Return the settings to add to the environment; never one that ``environ`` already holds.

    Within a host libfabric's shared memory is the faster transport, under ``mpirun`` too: from 2 MB to 16 MB it takes
    two thirds of the time that Intel MPI takes. Between hosts Intel MPI knows the fabrics.
    """
    settings = {
        "CCL_PLUGIN": "ONECCL_LEGACY_CPU",
        "CCL_LOG_LEVEL": "error",
        "CCL_ATL_TRANSPORT": "mpi" if scene.mpi_library and not scene.one_host else "ofi",
    }
    settings.update(_progress(scene, environ))
    iface = "lo" if scene.one_host else scene.interface
    if iface:
        settings["CCL_KVS_IFACE"] = iface
    if environ.get("CCL_ATL_TRANSPORT", settings["CCL_ATL_TRANSPORT"]) == "mpi":
        settings.update(_over_mpi(scene, environ))
    else:
        settings.update(_over_libfabric(scene, environ.get("CCL_KVS_IFACE", iface)))
    return {name: value for name, value in settings.items() if name not in environ}


def _progress(scene: Scene, environ: Mapping[str, str]) -> Dict[str, str]:
    """Return how oneCCL advances its operations: by a worker, which gives its CPU away while it has nothing to do.

    Without a worker (``CCL_WORKER_OFFLOAD=0``) only one thread of a process may be inside oneCCL, and two groups can
    block each other for ever. With oneCCL's own way of waiting a 1 KB allreduce takes 10 ms on two cores, in this way
    0.03 ms.
    """
    settings = {"CCL_WORKER_OFFLOAD": "1", "CCL_YIELD": "sched_yield", "CCL_SPIN_COUNT": "100"}
    if environ.get("CCL_WORKER_COUNT", "1") == "1" and scene.cpus:
        settings["CCL_WORKER_AFFINITY"] = ",".join(map(str, worker_cpus(scene.cpus, scene.local_size)))
    return settings


def _over_mpi(scene: Scene, environ: Mapping[str, str]) -> Dict[str, str]:
    """Return the settings with Intel MPI.

    Within a host it needs no libfabric. Between hosts it would take any that the system has, and where that chooses an
    interface that leads nowhere it crashes in its start.
    """
    settings = {"CCL_MPI_LIBRARY_PATH": scene.mpi_library} if scene.mpi_library else {}
    if not scene.one_host:
        if "FI_PROVIDER_PATH" not in environ:  # the vars.sh of a whole Intel MPI sets it, and brings more providers
            settings["I_MPI_OFI_LIBRARY"] = scene.library_folder + "/libfabric.so.1"
            settings["FI_PROVIDER_PATH"] = scene.library_folder
        iface = environ.get("CCL_KVS_IFACE", scene.interface)
        if iface:
            settings["FI_TCP_IFACE"] = iface
    return settings


def _over_libfabric(scene: Scene, iface: Optional[str]) -> Dict[str, str]:
    """Return the settings without MPI: TCP between hosts, shared memory within one where there is room for it."""
    settings = {
        "CCL_PROCESS_LAUNCHER": "none",
        "CCL_LOCAL_RANK": str(scene.local_rank),
        "CCL_LOCAL_SIZE": str(scene.local_size),
        "CCL_OFI_LIBRARY_PATH": scene.library_folder + "/libfabric.so.1",
        "CCL_ATL_SHM": "1" if scene.shm_room else "0",
        "FI_PROVIDER_PATH": scene.library_folder,
        "FI_PROVIDER": "tcp",
    }
    if iface:
        settings["FI_TCP_IFACE"] = iface
    if scene.one_host and scene.shm_room:
        settings["CCL_ALLREDUCE"] = f"nreduce:{LARGE_BYTES}-max"
    return settings


def communication_cpu(environ: Mapping[str, str], local_rank: int) -> Optional[int]:
    """Return the CPU of this rank's worker where ``CCL_WORKER_AFFINITY`` is a plain list, else ``None``."""
    cpus = environ.get("CCL_WORKER_AFFINITY", "").split(",")
    workers = environ.get("CCL_WORKER_COUNT", "1")
    if not workers.isdigit() or not all(cpu.strip().isdigit() for cpu in cpus):
        return None
    index = local_rank * int(workers)
    return int(cpus[index]) if index < len(cpus) else None


def are_cpus_scarce(cpus: Sequence[int], local_size: int) -> bool:
    """Say whether threads that wait should share the CPU of oneCCL's worker."""
    return len(cpus) < CPUS_FOR_A_WORKER * local_size


def is_serial(environ: Mapping[str, str]) -> bool:
    """Say whether only one thread may be inside oneCCL: so it is without a worker of its own."""
    return environ.get("CCL_WORKER_OFFLOAD", "1").strip().lower() in {"0", "false", "off", "no"}
