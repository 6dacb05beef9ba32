"""Command lines of mpirun: Hydra (Intel MPI, MPICH) and Open MPI. Pure.

Sources: Intel MPI Library Developer Reference (mpiexec.hydra, I_MPI_HYDRA_*), mpirun(1) of Open MPI 4 and 5.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ipexenv.launch.ssh import OPTIONS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ipexenv.launch.seats import Seat

Flavour = Literal["hydra", "openmpi"]

_SCHEDULERS = ("SLURM_JOBID", "PBS_ENVIRONMENT", "PBS_NODEFILE", "LSB_JOBID", "LOADL_HOSTFILE", "PE_HOSTFILE")
"""Set inside a job of a scheduler, with which mpirun then starts its own part on the other hosts."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Mpirun:
    """An mpirun that is there."""

    path: str
    flavour: Flavour


def flavour_of(version: str) -> Flavour | None:
    """Return whose mpirun printed ``version`` for ``mpirun --version``, None for one that is not known."""
    if "Intel(R) MPI" in version or "HYDRA" in version:
        return "hydra"
    return "openmpi" if "Open MPI" in version or "OpenRTE" in version or "PRRTE" in version else None


def machinefile(mpirun: Mpirun, seats: Sequence[Seat]) -> str:
    """Return the text of the file that puts every rank where ``seats`` says."""
    sizes = {seat.host: seat.local_size for seat in seats}
    form = "{}:{}\n" if mpirun.flavour == "hydra" else "{} slots={}\n"
    return "".join(form.format(host, size) for host, size in sizes.items())


def mpirun_command(mpirun: Mpirun, seats: Sequence[Seat], file: str, argv: Sequence[str]) -> tuple[str, ...]:
    """Return the command that runs ``argv`` once for each seat; ``file`` holds what ``machinefile`` returned."""
    if mpirun.flavour == "hydra":
        sizes = {seat.local_size for seat in seats}
        if len(sizes) == 1:
            return (mpirun.path, "-f", file, "-n", str(len(seats)), "-ppn", str(sizes.pop()), *argv)
        return (mpirun.path, "-machinefile", file, "-n", str(len(seats)), *argv)
    # Open MPI wants it said that root may start programs; for everybody else the option means nothing.
    return (mpirun.path, "--allow-run-as-root", "--hostfile", file, "-np", str(len(seats)), "--map-by", "slot", *argv)


def mpirun_environment(mpirun: Mpirun, env: Mapping[str, str]) -> dict[str, str]:
    """Return what mpirun itself needs beside the user's variables, which win.

    Its folder comes first on PATH, since Intel's mpirun is a script that looks there for the real one; ssh asks no
    questions and gives up in time.
    """
    folder = mpirun.path.rpartition("/")[0]
    wanted = {"PATH": f"{folder}:{env.get('PATH', '')}" if folder else env.get("PATH", "")}
    words = " ".join(OPTIONS)
    if mpirun.flavour == "hydra":
        if boots_over_ssh(mpirun, env) and not env.get("I_MPI_HYDRA_BOOTSTRAP_EXEC_EXTRA_ARGS"):
            wanted["I_MPI_HYDRA_BOOTSTRAP_EXEC_EXTRA_ARGS"] = words
    elif not env.get("OMPI_MCA_plm_rsh_args"):
        wanted["OMPI_MCA_plm_rsh_args"] = words
    return wanted


def boots_over_ssh(mpirun: Mpirun, env: Mapping[str, str]) -> bool:
    """Say whether mpirun reaches the other hosts by ssh, and not through a scheduler."""
    if mpirun.flavour == "hydra":
        named = env.get("I_MPI_HYDRA_BOOTSTRAP") or env.get("HYDRA_BOOTSTRAP")
        if named:
            return named == "ssh"
    return not any(env.get(name) for name in _SCHEDULERS)


def in_words(mpirun: Mpirun) -> str:
    """Return whose mpirun it is, as ``/env/bin/mpirun (Hydra)``."""
    return f"{mpirun.path} ({'Hydra' if mpirun.flavour == 'hydra' else 'Open MPI'})"
