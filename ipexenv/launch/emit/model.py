"""What a job file is made from: one description for Slurm, Kubernetes and compose. Pure data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from ipexenv.launch.mpirun import Flavour
    from ipexenv.launch.setting import Setting

EmitKind = Literal["slurm", "pytorchjob", "mpijob", "compose"]

KINDS: tuple[EmitKind, ...] = ("slurm", "pytorchjob", "mpijob", "compose")


@dataclass(frozen=True, kw_only=True, slots=True)
class Volume:
    """A PersistentVolumeClaim and where it is mounted."""

    claim: str
    path: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Placing:
    """What can be known only on the node, and is therefore left to ``_target_rank.py``, which every job file holds."""

    reserved: int = 0
    """Cores of each rank that are set aside for oneCCL's workers, one for each."""
    shared: int = 0
    """oneCCL workers of each rank that share its last cores, because it has too few."""
    kmp_affinity: str | None = None
    """How Intel's or LLVM's OpenMP ties its threads to the cores of the rank; None with GNU's."""
    bind: bool = True
    binding: tuple[str, ...] = ()
    """Variables that go where a rank does not own its cores, since OpenMP would bind all ranks to the same ones."""
    logical_cpus: bool = False
    """Whether ranks compute on hyper-threads as well; a "CPU" is then a logical one, else a core."""
    fit_threads: bool = True
    """Whether OMP_NUM_THREADS is lowered where a node has fewer cores; not where the user set it."""
    preload: tuple[str, ...] = ()
    """File names of libraries (``libtcmalloc.so.4``) that are preloaded where the node has them."""
    package: str | None = None
    """Import name of the package in whose folder ``relative`` values lie."""
    relative: tuple[tuple[str, str], ...] = ()
    """Variables whose value holds that folder, written as ``{package}``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Demand:
    """What the scheduler is asked for, in words that are checked: they may go into a file as they are."""

    name: str
    image: str | None = None
    """Of containers; None with Slurm alone."""
    memory_bytes: int | None = None
    """Of a node; None with Slurm and compose alone, whose own default then holds."""
    shm_bytes: int
    """Limit of /dev/shm in a container, which counts as memory when it is used."""
    time_limit_s: int | None = None
    partition: str | None = None
    account: str | None = None
    namespace: str | None = None
    volume: Volume | None = None
    node_selector: tuple[tuple[str, str], ...] = ()
    working_directory: str | None = None
    """None is where the job is submitted (Slurm), or where the image begins (containers)."""
    mpi: Flavour = "hydra"
    """Whose mpirun the image of an MPIJob has."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EmitJob:
    """One training job."""

    demand: Demand
    python: str
    """The interpreter on the nodes, which starts each rank on its cores before it is ``command``."""
    command: tuple[str, ...]
    """What every rank runs, as ``python train.py --epochs 3``."""
    nodes: int
    ranks_per_node: int
    cpus_per_rank: int
    """Physical cores of a rank, its oneCCL workers' included; logical CPUs where ``placing.logical_cpus``."""
    environment: tuple[Setting, ...] = ()
    """What every rank of every node is given; nothing in it holds the number of a CPU or an address."""
    placing: Placing = Placing()
    cpusets: tuple[tuple[int, ...], ...] = ()
    """For compose, which stays on this machine: the CPUs of each rank of the whole job; empty where not bound."""
    notes: tuple[str, ...] = ()
    """What the user should know: they head the file, and ``run`` says them on stderr too."""

    @property
    def world_size(self) -> int:
        """Return the number of ranks of the whole job."""
        return self.nodes * self.ranks_per_node

    @property
    def cpus_per_node(self) -> int:
        """Return the CPUs that a node gives to the job."""
        return self.ranks_per_node * self.cpus_per_rank
