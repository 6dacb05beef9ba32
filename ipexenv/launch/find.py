"""Find the launcher: the target's own mpirun, else one on PATH, else ssh."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ipexenv.errors import OutsideError
from ipexenv.launch.mpirun import Mpirun, flavour_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ipexenv.system.world import World

LauncherChoice = Literal["auto", "mpirun", "ssh"]

_VERSION_LIMIT_S = 60.0


def find_mpirun(world: World, folders: Sequence[str]) -> Mpirun | None:
    """Return the first mpirun that says whose it is: in one of ``folders``, below I_MPI_ROOT, on PATH."""
    tried = (_try(world, path) for path in _candidates(world, folders))
    return next((mpirun for mpirun in tried if mpirun is not None), None)


def _try(world: World, path: Path) -> Mpirun | None:
    env = {**world.env, "PATH": f"{path.parent}:{world.env.get('PATH', '')}"}
    told = world.runner.run([str(path), "--version"], timeout_s=_VERSION_LIMIT_S, env=env)
    flavour = flavour_of(told.stdout + told.stderr)
    return Mpirun(path=str(path), flavour=flavour) if told.returncode == 0 and flavour is not None else None


def find_openmpi(world: World) -> Mpirun | None:
    """Return the Open MPI on PATH, also where another MPI's mpirun comes before it (Debian's ``mpirun.openmpi``)."""
    found = (shutil.which(name, path=world.env.get("PATH")) for name in ("mpirun.openmpi", "mpirun"))
    tried = (_try(world, Path(path)) for path in found if path is not None)
    return next((mpirun for mpirun in tried if mpirun is not None and mpirun.flavour == "openmpi"), None)


def choose_launcher(world: World, wanted: LauncherChoice, folders: Sequence[str]) -> Mpirun | None:
    """Return the mpirun to use, None for ssh; raise OutsideError where the launcher that is wanted is not there."""
    mpirun = None if wanted == "ssh" else find_mpirun(world, folders)
    if mpirun is not None:
        return mpirun
    if wanted == "mpirun":
        raise OutsideError(
            "there is no mpirun",
            code="no-mpirun",
            causes=(f"none is in {', '.join(folders) or 'the target'} or on PATH",),
            hint="`ipexenv install --mpi` puts in Intel MPI's; `--launcher ssh` does without",
        )
    if shutil.which("ssh", path=world.env.get("PATH")) is None:
        raise OutsideError(
            "there is neither an mpirun nor ssh to reach other hosts with",
            code="no-launcher",
            hint="`ipexenv install --mpi` puts in Intel MPI's mpirun, which needs ssh too; install openssh-client",
        )
    return None


def _candidates(world: World, folders: Sequence[str]) -> Iterator[Path]:
    root = world.env.get("I_MPI_ROOT")
    for folder in (*folders, *([f"{root}/bin"] if root else [])):
        path = Path(folder) / "mpirun"
        if path.is_file():
            yield path
    found = shutil.which("mpirun", path=world.env.get("PATH"))
    if found is not None:
        yield Path(found)
