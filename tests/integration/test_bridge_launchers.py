"""Under every launcher a script finds its rank by itself, works over oneCCL, and its exit code comes through."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration import bridge_ranks as ranks
from tests.integration import slurm
from tests.integration.launching import LIMIT_S, answers, run, without_ranks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from tests.integration.conftest import EnvironmentFactory

pytestmark = pytest.mark.slow

PROGRAM = ranks.PROGRAMS / "launched.py"
CODE = 7


@dataclass(frozen=True, kw_only=True, slots=True)
class Launcher:
    """How to start ranks, and what is known of them."""

    command: Callable[[Path, int], list[str]]
    """From the Python and the number of ranks to the words before the program."""
    more: Mapping[str, str]
    place: str = ""
    transport: str = "ofi"
    changes_code: bool = False
    """torchrun ends with 1 whatever its ranks ended with, and says theirs."""
    tells: tuple[str, ...] = ()
    """What the launcher sets by itself of what torch reads."""


TORCH = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
ELASTIC = ["-m", "torch.distributed.run", "--nproc-per-node"]
NAMES = ("torchrun", "torchrun --standalone", "Intel mpirun", "Intel mpirun over MPI", "Open MPI", "srun")
ONCE_EACH = ("torchrun", "Intel mpirun", "Open MPI", "srun")


def torchrun(python: Path, size: int) -> list[str]:
    return [str(python), *ELASTIC, str(size), "--master-port", str(ranks.free_port())]


def standalone(python: Path, size: int) -> list[str]:
    return [str(python), *ELASTIC, str(size), "--standalone"]


def intel(python: Path, size: int) -> list[str]:
    return [str(ranks.libraries() / "bin" / "mpirun"), "-n", str(size), str(python)]


def open_mpi(python: Path, size: int) -> list[str]:
    found = shutil.which("mpirun.openmpi") or shutil.which("mpirun") or "mpirun"
    try:
        told = subprocess.run([found, "--version"], capture_output=True, text=True, check=False).stdout
    except FileNotFoundError:
        told = ""
    if not any(name in told for name in ("Open MPI", "OpenRTE", "PRTE")):
        pytest.skip("this test needs Open MPI's mpirun (openmpi-bin)")
    alone = ["--mca", "plm_rsh_agent", "false"]  # no other host, no ssh
    return [found, "--allow-run-as-root", "--oversubscribe", *alone, "-n", str(size), str(python)]


def srun(python: Path, size: int) -> list[str]:
    return [slurm.program("srun") or "srun", "-n", str(size), str(python)]


@pytest.fixture(scope="module")
def one_node() -> Iterator[slurm.Slurm]:
    reason = slurm.why_not()
    if reason:
        pytest.skip(reason)
    with slurm.cluster() as found:
        yield found


@pytest.fixture(params=NAMES)
def launcher(request: pytest.FixtureRequest) -> Launcher:
    beside = f"{ranks.libraries() / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    if request.param == "torchrun":
        return Launcher(command=torchrun, more={}, changes_code=True, tells=TORCH)
    if request.param == "torchrun --standalone":
        return Launcher(command=standalone, more={}, changes_code=True, tells=TORCH)
    if request.param == "Intel mpirun":
        return Launcher(command=intel, more={"PATH": beside})
    if request.param == "Intel mpirun over MPI":
        return Launcher(command=intel, more={"PATH": beside, "CCL_ATL_TRANSPORT": "mpi"}, transport="mpi")
    if request.param == "Open MPI":
        return Launcher(command=open_mpi, more={})
    found: slurm.Slurm = request.getfixturevalue("one_node")
    return Launcher(command=srun, more=found.variables)


def check(found: list[dict[str, Any]], size: int, launcher: Launcher) -> None:
    assert len(found) == size
    for rank, answer in enumerate(found):
        assert (answer["backend"], answer["rank"], answer["size"]) == ("ccl", rank, size)
        assert answer["set before"] == list(launcher.tells)
        told = answer["set"]
        assert [told[name] for name in TORCH[:4]] == [str(rank), str(size), str(rank), str(size)]
        assert told["MASTER_ADDR"] == "127.0.0.1" or launcher.tells
        assert answer["all"] == size * (size + 1) / 2
        assert answer["outer"] == (1 + size if rank in {0, size - 1} else None)
        assert len(set(answer["parameters"])) == 1
        assert f"CCL_ATL_TRANSPORT={launcher.transport}" in answer["in use"] or "CCL_ATL_TRANSPORT" in launcher.more
        if launcher.transport == "ofi":
            assert f"CCL_LOCAL_RANK={rank} CCL_LOCAL_SIZE={size}" in answer["in use"]
    assert len({answer["set"]["MASTER_PORT"] for answer in found}) == 1
    assert len({answer["parameters"][0] for answer in found}) == 1


def test_four_ranks_work_together_and_end_well(
    launcher: Launcher, environment: EnvironmentFactory, tmp_path: Path
) -> None:
    command = launcher.command(environment("native213").python, 4)
    ended = run([*command, str(PROGRAM), str(tmp_path)], without_ranks(launcher.more))
    assert ended.returncode == 0, ended
    check(answers(tmp_path), 4, launcher)


def test_two_ranks_work_together_and_one_s_exit_code_comes_through(
    launcher: Launcher, environment: EnvironmentFactory, tmp_path: Path
) -> None:
    command = launcher.command(environment("torch28").python, 2)
    ended = run([*command, str(PROGRAM), str(tmp_path), "late", str(CODE)], without_ranks(launcher.more))
    if launcher.changes_code:
        assert ended.returncode == 1, ended
        assert f"exitcode: {CODE}" in " ".join(ended.stderr.replace(":", " : ").split()).replace(" : ", ": "), ended
    else:
        assert ended.returncode == CODE, ended
    check(answers(tmp_path), 2, launcher)


@pytest.mark.parametrize("launcher", ONCE_EACH, indirect=True)
def test_a_rank_that_fails_amid_the_others_ends_the_job(
    launcher: Launcher, environment: EnvironmentFactory, tmp_path: Path
) -> None:
    """Which of the codes comes through is a race: the others end with an error as soon as they see it die."""
    command = launcher.command(environment("native213").python, 2)
    ended = run([*command, str(PROGRAM), str(tmp_path), "amid", str(CODE)], without_ranks(launcher.more))
    assert ended.returncode != 0, ended


def test_plain_processes_need_their_variables_and_nothing_else(environment: EnvironmentFactory, tmp_path: Path) -> None:
    started = ranks.start(environment("native213").python, 4, PROGRAM.name, str(tmp_path), "late", str(CODE))
    ended = ranks.finish(started, limit_s=LIMIT_S)
    assert [rank.returncode for rank in ended] == [0, 0, 0, CODE], ended
    for answer in answers(tmp_path):
        assert (answer["size"], answer["all"], answer["outer"]) == (4, 10.0, 5.0 if answer["rank"] in {0, 3} else None)
        assert f"CCL_LOCAL_RANK={answer['rank']} CCL_LOCAL_SIZE=4" in answer["in use"]


def test_a_job_that_a_rank_of_mpirun_starts_is_a_job_of_its_own(
    environment: EnvironmentFactory, tmp_path: Path
) -> None:
    """As with one torchrun for each host, started by mpirun: its ranks inherit the rank of their torchrun."""
    python = environment("native213").python
    beside = f"{ranks.libraries() / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    command = [*intel(python, 1), *standalone(python, 2)[1:], str(PROGRAM), str(tmp_path)]
    ended = run(command, without_ranks({"PATH": beside}))
    assert ended.returncode == 0, ended
    check(answers(tmp_path), 2, Launcher(command=standalone, more={}, tells=TORCH))


def test_a_batch_script_of_slurm_is_no_rank(
    one_node: slurm.Slurm, environment: EnvironmentFactory, tmp_path: Path
) -> None:
    """It has SLURM_PROCID=0 and SLURM_NTASKS=2, submitted within a step of two tasks even that step's variables."""
    python = environment("native213").python
    script, said = tmp_path / "job.sh", tmp_path / "said.txt"
    script.write_text(f"#!/bin/sh\n{python} {ranks.PROGRAMS / 'place.py'}\nenv | grep SLURM_ >&2\n")
    submit = f"[ $SLURM_PROCID = 1 ] || {slurm.program('sbatch')} -W -n 2 -o {said} {script}"
    ended = run(
        [slurm.program("srun") or "", "--overlap", "-n", "2", "sh", "-c", submit], without_ranks(one_node.variables)
    )
    assert ended.returncode == 0, ended
    first, *inherited = said.read_text().splitlines()
    assert {"SLURM_PROCID=0", "SLURM_NTASKS=2", "SLURM_STEP_NUM_TASKS=2"} <= set(inherited)
    before, after, refused = json.loads(first)
    assert before == after == {}
    assert "environment variable RANK expected, but not set" in refused


def test_importing_the_backend_makes_no_rank_of_a_task(one_node: slurm.Slurm, environment: EnvironmentFactory) -> None:
    """Programs that srun starts side by side, each for itself, see nothing; unless they want it so."""
    python = environment("native213").python
    command = [*srun(python, 1), str(ranks.PROGRAMS / "place.py")]
    usual = run(command, without_ranks(one_node.variables)).answer
    early = run(command, without_ranks({**one_node.variables, "IPEXENV_BRIDGE_RANKS": "1"})).answer
    never = run(command, without_ranks({**one_node.variables, "IPEXENV_BRIDGE_RANKS": "0"})).answer
    assert usual[0] == {}
    assert usual[1].keys() == set(TORCH)
    assert usual[2] == ""
    assert early[0].keys() == set(TORCH)
    assert never[1] == {}
    assert "environment variable RANK expected, but not set" in never[2]
