"""`ipexenv run` inside allocations of a real Slurm: nodes and tasks come from there, srun starts the ranks."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration import bridge_ranks as ranks
from tests.integration import launching, slurm
from tests.integration.bridge_environment import bridge_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.integration.conftest import EnvironmentFactory

pytestmark = pytest.mark.slow

LIMIT_S = 240.0
HERE = Path(__file__).parent.parent.parent
JOB = Path(__file__).parent / "run_programs" / "job.py"
WAITING = JOB.with_name("waiting.py")


@pytest.fixture(scope="module")
def one_node() -> Iterator[slurm.Slurm]:
    reason = slurm.why_not() or ("a Slurm needs salloc (slurm-client)" if slurm.program("salloc") is None else None)
    if reason:
        pytest.skip(reason)
    with slurm.cluster() as found:
        yield found


@pytest.fixture(scope="module")
def python(
    one_node: slurm.Slurm,
    environment: EnvironmentFactory,
    interpreter: Callable[[str], Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """Return the Python of an environment with the bridge."""
    folder = tmp_path_factory.mktemp("bridged") / "env"
    return bridge_environment(environment("native213"), interpreter("3.11"), folder, mpi=False)


def command(*words: object) -> list[str]:
    return [sys.executable, "-m", "ipexenv", "run", *map(str, words)]


def environment_of_tool(one_node: slurm.Slurm) -> dict[str, str]:
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), str(Path(slurm.program("srun") or "").parent)])
    return {**launching.without_ranks(one_node.variables), "PYTHONPATH": str(HERE), "PATH": path}


def in_salloc(one_node: slurm.Slurm, *words: object, tasks: int) -> ranks.Ended:
    salloc = [slurm.program("salloc") or "", "-Q", "-n", str(tasks)]
    return launching.run([*salloc, *command(*words)], environment_of_tool(one_node), LIMIT_S)


def test_inside_salloc_srun_starts_as_many_ranks_as_tasks_that_train_over_ccl(
    one_node: slurm.Slurm, python: Path
) -> None:
    ended = in_salloc(one_node, "--python", python, "--json", JOB, "ccl", tasks=2)
    assert ended.returncode == 0, ended
    data = json.loads(ended.stdout)["data"]
    assert (data["launcher"], data["world_size"]) == ("srun", 2), data
    assert [rank["returncode"] for rank in data["ranks"]] == [0, 0]
    told = [json.loads(line[4:]) for line in ended.stderr.splitlines() if line[4:5] == "{"]
    assert sorted((each["rank"], each["size"], each["sum"]) for each in told) == [(0, 2, 3.0), (1, 2, 3.0)]
    assert told[0]["losses"] == told[1]["losses"]


def test_a_batch_script_starts_ranks_and_has_the_exit_code_of_the_one_that_failed(
    one_node: slurm.Slurm, tmp_path: Path
) -> None:
    script, said = tmp_path / "job.sh", tmp_path / "said.txt"
    script.write_text(f"#!/bin/sh\n{shlex.join(command('--python', sys.executable, WAITING, 'fails'))}\n")
    sbatch = [slurm.program("sbatch") or "", "-Q", "-W", "-n", "3", "-o", str(said), str(script)]
    ended = launching.run(sbatch, environment_of_tool(one_node), LIMIT_S)
    assert ended.returncode == 9, (ended, said.read_text())
    assert " failed first, and the others were ended: exit code 9 [rank-failed]" in said.read_text()
    assert "said: the disk is full" in said.read_text()


def test_ctrl_c_ends_the_step(one_node: slurm.Slurm) -> None:
    """The step ends, and with it all that its ranks have started, in sessions of their own as well."""
    salloc = [slurm.program("salloc") or "", "-Q", "-n", "2"]
    mark = {launching.MARK: "ctrl-c-in-slurm"}
    running = subprocess.Popen(
        [*salloc, *command("--python", sys.executable, WAITING)],
        env={**environment_of_tool(one_node), **mark},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert running.stdout is not None
        assert {running.stdout.readline() for _ in range(2)} == {f"[{rank}] rank {rank} waits\n" for rank in range(2)}
        os.kill(_tool(running.pid), signal.SIGINT)
        _, err = running.communicate(timeout=LIMIT_S)
    finally:
        ranks.kill(running)
    assert "interrupted\n" in err
    assert running.returncode == 130, err
    deadline = time.monotonic() + 30
    while left := launching.having(f"{launching.MARK}=ctrl-c-in-slurm"):
        assert time.monotonic() < deadline, left
        time.sleep(0.1)


def _tool(salloc: int) -> int:
    """Return the process that runs ipexenv below salloc."""
    children = Path(f"/proc/{salloc}/task/{salloc}/children").read_text(encoding="ascii").split()
    return next(int(child) for child in children if b"ipexenv" in Path(f"/proc/{child}/cmdline").read_bytes())
