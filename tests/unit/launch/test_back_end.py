"""Which launcher fits which occasion, and what is said where none does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ipexenv.errors import OutsideError, UsageError
from ipexenv.launch.back_end import Occasion, choose_back_end
from tests.fakes import FakeRunner, finished
from tests.unit.launch.test_start import program, world

if TYPE_CHECKING:
    from pathlib import Path

    from ipexenv.launch.back_end import Chosen
    from ipexenv.launch.run_options import Launcher
    from ipexenv.system.runner import Finished


def occasion(**more: Any) -> Occasion:
    return Occasion(**{"ranks": 2, "hosts": 1, "here": True, "in_slurm": False, "folders": (), **more})


def choose(folder: Path, wanted: Launcher, where: Occasion) -> Chosen:
    endings: list[tuple[tuple[str, ...], Finished]] = [
        (("mpirun.openmpi",), finished(stdout="mpirun (Open MPI) 4.1.4")),
        (("mpirun",), finished(stdout="Intel(R) MPI Library")),
    ]
    outside, _ = world(runner=FakeRunner(endings=endings), PATH=str(folder))
    return choose_back_end(outside, wanted, where)


def test_one_rank_here_needs_nothing(tmp_path: Path) -> None:
    assert choose(tmp_path, "auto", occasion(ranks=1)).back_end == "none"


def test_several_ranks_here_take_mpirun_or_else_torchrun(tmp_path: Path) -> None:
    assert choose(tmp_path, "auto", occasion()).back_end == "torchrun"
    program(tmp_path, "mpirun")
    chosen = choose(tmp_path, "auto", occasion())
    assert (chosen.back_end, chosen.words) == ("mpirun", f"{tmp_path}/mpirun (Hydra)")
    assert choose(tmp_path, "torchrun", occasion()).back_end == "torchrun"


def test_open_mpi_is_found_beside_another(tmp_path: Path) -> None:
    program(tmp_path, "mpirun")
    with pytest.raises(OutsideError, match="there is no mpirun of Open MPI"):
        choose(tmp_path, "openmpi", occasion())
    program(tmp_path, "mpirun.openmpi")
    assert choose(tmp_path, "openmpi", occasion()).words == f"{tmp_path}/mpirun.openmpi (Open MPI)"


def test_inside_slurm_srun_starts_ranks(tmp_path: Path) -> None:
    with pytest.raises(OutsideError, match="srun cannot start ranks here") as caught:
        choose(tmp_path, "srun", occasion(in_slurm=True))
    assert caught.value.causes == ("it is not on PATH",)
    program(tmp_path, "srun")
    assert choose(tmp_path, "auto", occasion(in_slurm=True)).back_end == "srun"
    with pytest.raises(OutsideError) as caught:
        choose(tmp_path, "srun", occasion())
    assert caught.value.causes == ("this is no Slurm allocation: SLURM_JOB_ID is not set",)


def test_other_hosts_need_mpirun(tmp_path: Path) -> None:
    with pytest.raises(OutsideError, match="there is no mpirun") as caught:
        choose(tmp_path, "auto", occasion(hosts=2, here=False, folders=("/env/bin",)))
    assert caught.value.causes == ("none is in /env/bin or on PATH",)


@pytest.mark.parametrize(("wanted", "where"), [("none", occasion()), ("torchrun", occasion(hosts=2, here=False))])
def test_a_launcher_that_cannot_do_it_is_refused(tmp_path: Path, wanted: Launcher, where: Occasion) -> None:
    with pytest.raises(UsageError, match=f"--launcher {wanted} starts"):
        choose(tmp_path, wanted, where)
