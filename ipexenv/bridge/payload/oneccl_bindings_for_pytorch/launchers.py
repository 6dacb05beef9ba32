"""Where this process stands among its fellows, as its launcher says in environment variables.

Sources: torchrun's own documentation, Intel MPI (Hydra) and Open MPI process managers, Slurm's ``srun``.
"""

from __future__ import annotations

from typing import List, Mapping, MutableMapping, NamedTuple, Optional, Tuple


class Place(NamedTuple):
    """One process among those that a launcher started; ``None`` where the launcher does not say."""

    launcher: str
    rank: Optional[int] = None
    size: Optional[int] = None
    local_rank: Optional[int] = None
    local_size: Optional[int] = None


# launcher, then the variables of rank, size, local rank, local size.
VARIABLES: Tuple[Tuple[str, str, str, str, str], ...] = (
    ("torchrun", "RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE"),
    ("intel-mpi", "PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID", "MPI_LOCALNRANKS"),
    (
        "open-mpi",
        "OMPI_COMM_WORLD_RANK",
        "OMPI_COMM_WORLD_SIZE",
        "OMPI_COMM_WORLD_LOCAL_RANK",
        "OMPI_COMM_WORLD_LOCAL_SIZE",
    ),
    ("slurm", "SLURM_PROCID", "SLURM_NTASKS", "SLURM_LOCALID", "SLURM_NTASKS_PER_NODE"),
)


def number(environ: Mapping[str, str], name: str) -> Optional[int]:
    """Return the variable as a number of at least 0, or ``None`` where it is unset or is no such number."""
    text = environ.get(name, "").strip()
    return int(text) if text.isdigit() else None


def place(environ: Mapping[str, str]) -> Place:
    """Return where this process stands: torchrun's variables first, then Intel MPI, Open MPI and Slurm.

    The launcher is named after the process manager that started the processes: a script that fills ``RANK`` from
    ``PMI_RANK`` by itself still runs under Intel MPI.
    """
    launcher = "none"
    values: List[Optional[int]] = [None] * 4
    for name, *variables in VARIABLES:
        found = [number(environ, variable) for variable in variables]
        if found[0] is None or found[1] is None:
            continue
        launcher = name
        values = [old if old is not None else new for old, new in zip(values, found)]
        if launcher != "torchrun":  # a job script of Slurm may stand around mpirun: its variables say nothing here
            break
    return Place(launcher, *values)


def fill_torch_variables(environ: MutableMapping[str, str]) -> Place:
    """Set ``RANK``, ``WORLD_SIZE``, ``LOCAL_RANK`` and ``LOCAL_WORLD_SIZE`` where they are missing; return the place.

    ``init_process_group`` reads these, and only torchrun sets them. Under ``mpirun`` or ``srun``, call
    ``fill_torch_variables(os.environ)`` before it. A variable that is set is never changed; ``MASTER_ADDR`` and
    ``MASTER_PORT`` stay the caller's to set, for no launcher but torchrun knows them.
    """
    here = place(environ)
    for name, value in zip(VARIABLES[0][1:], here[1:]):
        if value is not None:
            environ.setdefault(name, str(value))
    return here
