"""Where this process stands among its fellows, as its launcher says in environment variables.

Sources: torchrun's own documentation, Intel MPI's Hydra and Open MPI's ``mpirun``, Slurm's ``srun`` (environment
variables of a step's tasks); each was also looked at in a running job.
"""

from __future__ import annotations

import os
import re
from typing import List, Mapping, NamedTuple, Optional, Tuple

TORCH_VARIABLES = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
"""What torch reads, and what torchrun sets: rank, size, local rank, local size."""

HYDRA_VARIABLES = ("PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID", "MPI_LOCALNRANKS")
INTEL_JOB_VARIABLE = "I_MPI_HYDRA_UUID"
"""Only Intel's Hydra sets it: one value for all ranks of a job, on all hosts."""

OPEN_MPI_VARIABLES = (
    "OMPI_COMM_WORLD_RANK",
    "OMPI_COMM_WORLD_SIZE",
    "OMPI_COMM_WORLD_LOCAL_RANK",
    "OMPI_COMM_WORLD_LOCAL_SIZE",
)

PMI_VARIABLES = ("PMI_RANK", "PMI_SIZE", "PMI_LOCAL_RANK", "PMI_LOCAL_SIZE")

LONGEST_NUMBER = 9
"""Digits; what is longer counts nothing that can be launched."""


class Place(NamedTuple):
    """One process among those that a launcher started; ``None`` where the launcher does not say."""

    launcher: str
    """``torchrun``, ``plain`` (somebody set ``RANK``), ``intel-mpi``, ``mpich``, ``open-mpi``, ``slurm``, ``pmi``
    (another launcher that speaks MPICH's protocol) or ``none``."""
    rank: Optional[int] = None
    size: Optional[int] = None
    local_rank: Optional[int] = None
    local_size: Optional[int] = None

    @property
    def on_one_host(self) -> bool:
        """Say whether the launcher says that all ranks are on this host."""
        return self.size == 1 or (self.size is not None and self.size == self.local_size)


NOWHERE = Place("none")


def number(environ: Mapping[str, str], name: str) -> Optional[int]:
    """Return the variable as a number of at least 0, or ``None`` where it is unset or is no such number."""
    text = environ.get(name, "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= LONGEST_NUMBER else None


def place(environ: Mapping[str, str]) -> Place:
    """Return where this process stands.

    ``RANK`` and ``WORLD_SIZE`` win over what a launcher says. The launcher is named, and believed about the local rank,
    only where it agrees with them: a script that fills ``RANK`` from ``PMI_RANK`` still runs under Intel MPI, and the
    processes that a rank of an MPI job starts as a job of their own do not.
    """
    given = _read(environ, "torchrun" if "TORCHELASTIC_RUN_ID" in environ else "plain", TORCH_VARIABLES)
    if given.launcher == "torchrun" and given.rank is not None and given.size is not None:
        return _sane(given) or NOWHERE
    started = launched(environ)
    if given.rank is None and given.size is None:
        return started
    if started.launcher != "none" and given.rank in {None, started.rank} and given.size in {None, started.size}:
        return _sane(Place(started.launcher, *_first(given[1:], started[1:]))) or started
    return _sane(given) or NOWHERE


def place_among(environ: Mapping[str, str], rank: int, size: int) -> Place:
    """Return where this process stands in the job in which it has that rank of that size.

    What the variables say about another job, the one in which this process was started to start its own, is left out.
    """
    here = place(environ)
    return here if (here.rank, here.size) == (rank, size) else NOWHERE


def has_intel_mpi(here: Place, environ: Mapping[str, str]) -> bool:
    """Say whether Intel's ``mpirun`` started this process itself, so that it can take part in the MPI job.

    A process that a rank starts in its stead inherits the variables, and mostly not the connection to the launcher.
    """
    connection = number(environ, "PMI_FD")
    if here.launcher != "intel-mpi" or connection is None:
        return False
    try:
        os.fstat(connection)
    except OSError:
        return False
    return True


def launched(environ: Mapping[str, str]) -> Place:
    """Return what the launcher says that started this process, torchrun apart.

    ``mpirun`` before Slurm: under Slurm it starts its helpers with ``srun``, and their places are not the ranks'.
    """
    found = (
        _complete(_read(environ, "intel-mpi" if INTEL_JOB_VARIABLE in environ else "mpich", HYDRA_VARIABLES)),
        _sane(_read(environ, "open-mpi", OPEN_MPI_VARIABLES)),
        _slurm(environ),
        _sane(_read(environ, "pmi", PMI_VARIABLES)),
    )
    return next((here for here in found if here is not None), NOWHERE)


def _read(environ: Mapping[str, str], launcher: str, variables: Tuple[str, str, str, str]) -> Place:
    return Place(launcher, *[number(environ, name) for name in variables])


def _first(preferred: Tuple[Optional[int], ...], others: Tuple[Optional[int], ...]) -> List[Optional[int]]:
    return [one if one is not None else other for one, other in zip(preferred, others)]


def _sane(here: Place) -> Optional[Place]:
    """Return the place without a local part that cannot be, and ``None`` where rank and size themselves cannot be."""
    if here.rank is None or here.size is None or here.rank >= here.size:
        return None
    near, count = here.local_rank, here.local_size
    if count is not None and not 1 <= count <= here.size:
        near = count = None
    if near is not None and near >= (here.size if count is None else count):
        near = count = None
    return here._replace(local_rank=near, local_size=count)


def _complete(here: Place) -> Optional[Place]:
    """Return the place if all of it is known: Hydra tells all four, others who set its variables only the first two."""
    found = _sane(here)
    return found if found is not None and found.local_rank is not None and found.local_size is not None else None


def _slurm(environ: Mapping[str, str]) -> Optional[Place]:
    """Return the place of a task that ``srun`` started.

    A batch script is no such task, though it has SLURM_PROCID=0 and SLURM_NTASKS. One that was submitted from within
    a step even inherits that step's variables, but its SLURM_GTIDS, the tasks on its host, is always its own: ``0``.
    """
    size = number(environ, "SLURM_STEP_NUM_TASKS")
    rank = number(environ, "SLURM_PROCID")
    node = number(environ, "SLURM_NODEID")
    near = tasks_on_node(environ.get("SLURM_STEP_TASKS_PER_NODE", ""), node) if node is not None else None
    tasks = environ.get("SLURM_GTIDS")
    if tasks is not None and near is not None and len(tasks.split(",")) != near:
        return None
    return _sane(Place("slurm", rank, size, number(environ, "SLURM_LOCALID"), near))


def tasks_on_node(text: str, node: int) -> Optional[int]:
    """Return the tasks on one node of a step from Slurm's word for all of them, as ``2(x3),1``; else ``None``."""
    nodes = 0
    for item in text.split(","):
        found = re.fullmatch(r"([0-9]{1,9})(?:\(x([0-9]{1,9})\))?", item.strip())
        if found is None:
            return None
        nodes += int(found[2] or 1)
        if node < nodes:
            return int(found[1])
    return None
