"""What a run on CPUs is given: environment variables and places of its ranks, each with its reason. Pure data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from ipexenv.facts import Host
    from ipexenv.outcome import CclProvider

OpenMp = Literal["gnu", "intel", "llvm"]
"""The OpenMP runtime that torch really uses in the target: libgomp, libiomp5 or LLVM's libomp."""

Allocator = Literal["auto", "tcmalloc", "jemalloc", "default"]

Transport = Literal["ofi", "mpi"]
"""oneCCL's CCL_ATL_TRANSPORT."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """One environment variable."""

    name: str
    value: str
    reason: str
    """Why this value, in words that a user reads after ``--explain``."""
    by_user: bool = False
    """Whether the user had set it, so that it stays whatever ipexenv would have chosen."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RankPlace:
    """One rank of a host: where it runs and what it is given."""

    local_rank: int
    cpus: tuple[int, ...]
    """Logical CPUs that the rank is bound to, its ccl workers' included; empty where it is not bound."""
    compute_cpus: tuple[int, ...]
    """Logical CPUs on which it computes, one for each OpenMP thread where those are bound."""
    numa_nodes: tuple[int, ...] = ()
    """NUMA nodes whose memory it should take; empty where memory is not bound."""
    settings: tuple[Setting, ...] = ()
    """What is this rank's own; ``HostPlacement.settings`` hold for all ranks of the host."""


@dataclass(frozen=True, kw_only=True, slots=True)
class HostPlacement:
    """All ranks of one host."""

    host: str
    """As the hostfile calls it; ``localhost`` for this machine alone."""
    ranks: tuple[RankPlace, ...]
    settings: tuple[Setting, ...]
    notes: tuple[str, ...] = ()
    """What the user should know: oversubscription, a quota below a core, hyper-threads left idle."""

    def environment(self, local_rank: int) -> dict[str, str]:
        """Return the variables of one rank; its own win over the host's."""
        both = (*self.settings, *self.ranks[local_rank].settings)
        return {setting.name: setting.value for setting in both}


@dataclass(frozen=True, kw_only=True, slots=True)
class Libraries:
    """What the target and the host offer to be loaded, by absolute path; None where it was not found."""

    openmp: OpenMp | None = None
    """Which runtime torch uses, None where nobody could tell."""
    iomp5: str | None = None
    tcmalloc: str | None = None
    jemalloc: str | None = None
    numactl: bool = False
    """Whether ``numactl`` is on PATH."""


@dataclass(frozen=True, kw_only=True, slots=True)
class HostView:
    """What is known about one host that takes part."""

    name: str
    host: Host
    """Its facts; ``host.topology.units`` may be empty, then only counts are known."""
    libraries: Libraries = Libraries()
    interface: str | None = None
    """The interface whose address really reaches the other hosts; None on a single host or where none was found."""
    gloo_interface: str | None = None
    """The same in gloo's eyes (GLOO_SOCKET_IFNAME); mostly equal to ``interface``."""
    package_folder: str | None = None
    """Folder of the ccl provider's package on that host, else of an IPEX that brings MPI; None where there is none."""
    existing_folders: frozenset[str] = frozenset()
    """Those folders below ``package_folder`` that ``launch.provider_environment`` asks about and that exist."""
    mpi_root: str | None = None
    """Prefix of the target where Intel MPI (impi-rt) lies in it; for shells that start mpirun themselves."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RunWish:
    """What the user asked for, or what follows from it; None leaves the choice to ipexenv."""

    ranks_per_host: int | None = None
    """``-ppn``; None means one rank for each NUMA node."""
    provider: CclProvider = "none"
    ccl_workers: int | None = None
    """``--ccl-workers``: oneCCL worker threads of each rank."""
    logical_cpus: bool = False
    """``--logical-cpus``: compute on hyper-threads as well."""
    threads: int | None = None
    """``--threads``: OpenMP threads of each rank."""
    allocator: Allocator = "auto"
    bind: bool = True
    """Whether ranks are bound to CPUs and memory (``--no-bind``)."""
    hosts: int = 1
    """How many hosts take part."""
    world_size: int = 1
    transport: Transport | None = None
    under_intel_mpi: bool = False
    """Whether Intel MPI's Hydra starts the ranks, so that I_MPI_PIN_DOMAIN is for it."""
