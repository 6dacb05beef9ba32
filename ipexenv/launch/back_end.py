"""Choose what starts the ranks: srun, mpirun, torchrun, or nothing for a single one."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ipexenv.errors import OutsideError, UsageError
from ipexenv.launch.find import find_mpirun, find_openmpi
from ipexenv.launch.mpirun import in_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ipexenv.launch.mpirun import Mpirun
    from ipexenv.launch.run_options import Launcher
    from ipexenv.launch.run_start import BackEnd
    from ipexenv.system.world import World

_NO_MPIRUN = "`ipexenv install --mpi` puts in Intel MPI's"


@dataclass(frozen=True, kw_only=True, slots=True)
class Chosen:
    """The back end and what it needs."""

    back_end: BackEnd
    words: str
    """What it is, for people."""
    mpirun: Mpirun | None = None
    srun: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Occasion:
    """What the choice depends on."""

    ranks: int
    hosts: int
    here: bool
    """Whether the only host is this machine."""
    in_slurm: bool
    folders: tuple[str, ...]
    """Where the target keeps programs of its own."""

    @property
    def alone(self) -> bool:
        """Say whether no other host takes part."""
        return self.hosts == 1 and self.here


def choose_back_end(world: World, wanted: Launcher, occasion: Occasion) -> Chosen:
    """Return the back end that is ``wanted`` or fits best; raise an error that says what is missing."""
    if wanted == "none" or (wanted == "auto" and occasion.ranks == 1 and occasion.alone):
        return _none(occasion)
    if wanted == "torchrun":
        return _torchrun(occasion)
    if wanted == "srun" or (wanted == "auto" and occasion.in_slurm):
        srun = find_srun(world)
        if srun is not None and occasion.in_slurm:
            return Chosen(back_end="srun", words=srun, srun=srun)
        if wanted == "srun":
            raise _no_srun(in_slurm=occasion.in_slurm)
    return _mpirun(world, wanted, occasion)


def find_srun(world: World) -> str | None:
    """Return the path of srun."""
    return shutil.which("srun", path=world.env.get("PATH"))


def _none(occasion: Occasion) -> Chosen:
    if occasion.ranks > 1 or not occasion.alone:
        raise UsageError(
            f"--launcher none starts one rank on this machine, and {occasion.ranks} on {occasion.hosts} host(s) are "
            "asked for",
            code="usage",
            hint="add `-n 1`, or leave --launcher out",
        )
    return Chosen(back_end="none", words="no launcher")


def _torchrun(occasion: Occasion) -> Chosen:
    if not occasion.alone:
        raise UsageError(
            f"--launcher torchrun starts ranks on this machine alone, and {occasion.hosts} host(s) are named",
            code="usage",
            hint="leave --launcher out: mpirun reaches other hosts, srun does inside a Slurm allocation",
        )
    return Chosen(back_end="torchrun", words="torchrun")


def _mpirun(world: World, wanted: Launcher, occasion: Occasion) -> Chosen:
    found = find_openmpi(world) if wanted == "openmpi" else find_mpirun(world, _folders(occasion.folders))
    if found is not None:
        return Chosen(back_end="mpirun", words=in_words(found), mpirun=found)
    if wanted == "auto" and occasion.alone:
        return _torchrun(occasion)
    if wanted == "openmpi":
        raise OutsideError(
            "there is no mpirun of Open MPI on PATH",
            code="no-mpirun",
            hint="install it (Debian: openmpi-bin), or leave --launcher out",
        )
    raise OutsideError(
        "there is no mpirun",
        code="no-mpirun",
        causes=(f"none is in {', '.join(occasion.folders) or 'the target'} or on PATH",),
        hint=_NO_MPIRUN + ("; `--launcher torchrun` does without on one host" if occasion.alone else ""),
    )


def _folders(folders: Sequence[str]) -> Sequence[str]:
    return [folder for folder in folders if folder]


def _no_srun(*, in_slurm: bool) -> OutsideError:
    cause = "it is not on PATH" if in_slurm else "this is no Slurm allocation: SLURM_JOB_ID is not set"
    return OutsideError(
        "srun cannot start ranks here", code="no-srun", causes=(cause,), hint="`salloc -N 2` makes an allocation"
    )
