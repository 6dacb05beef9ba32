"""``ipexenv run --emit`` as a whole: what is printed, what is written, what is refused."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from ipexenv.cli import main
from ipexenv.system.world import World

if TYPE_CHECKING:
    from pathlib import Path

POD = ("--image", "team/train:1", "--memory", "8Gi", "--cpus-per-rank", "4")


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    def call(*words: str) -> tuple[int, str, str]:
        world = World(directory=tmp_path, env={"PATH": "/usr/bin:/bin", "NO_COLOR": "1"})
        code = main(["run", *words], world=world)
        told = capsys.readouterr()
        return code, told.out, told.err

    return call


def test_the_file_goes_to_stdout_and_warnings_to_stderr(run: Any) -> None:
    code, out, err = run("--emit", "slurm", "-n", "4", "-ppn", "2", "train.py", "--epochs", "3")
    assert code == 0, err
    assert out.startswith("#!/bin/bash\n#SBATCH --job-name=train\n#SBATCH --nodes=2\n#SBATCH --ntasks-per-node=2\n")
    assert "python train.py --epochs 3\n" in out
    assert sys.executable not in out
    assert "as on this machine; `--cpus-per-rank N` says otherwise" in err


def test_the_interpreter_that_the_user_names_is_named_to_slurm(run: Any) -> None:
    for named, program in (
        (("--python", sys.executable), sys.executable),
        (("--venv", sys.prefix), f"{sys.prefix}/bin/python"),
    ):
        code, out, err = run("--emit", "slurm", *named, "-n", "1", "-m", "team.train")
        assert code == 0, err
        assert f"{program} -m team.train\n" in out


def test_the_file_can_be_named(run: Any, tmp_path: Path) -> None:
    code, out, err = run("--emit", "pytorchjob", *POD, "-n", "4", "-ppn", "2", "--output", "job.yaml", "train.py")
    assert (code, out, err) == (0, "wrote job.yaml\n", "")
    document = yaml.safe_load((tmp_path / "job.yaml").read_text("utf-8"))
    assert document["spec"]["pytorchReplicaSpecs"]["Worker"]["replicas"] == 1


def test_json_tells_what_was_chosen(run: Any) -> None:
    code, out, _ = run("--json", "--emit", "mpijob", *POD, "-n", "4", "-ppn", "2", "--env", "X=1", "train.py")
    data = json.loads(out)["data"]
    assert (code, data["kind"], data["name"], data["nodes"], data["ranks_per_node"]) == (0, "mpijob", "train", 2, 2)
    assert data["environment"]["OMP_NUM_THREADS"] == "4"
    assert data["environment"]["X"] == "1"
    assert yaml.safe_load(data["text"])["kind"] == "MPIJob"


def test_a_value_that_cannot_be_is_refused_with_its_cause(run: Any) -> None:
    code, out, err = run("--emit", "pytorchjob", *POD, "--name", "My_Job", "train.py")
    assert (code, out) == (2, "")
    assert err.splitlines()[0] == "error: --name 'My_Job' cannot be used [bad-job-option]"
    assert "RFC 1035" in err
    assert "hint: for example `--name my-job`" in err


@pytest.mark.parametrize("words", [("--master-port", "29500"), ("--master-addr", "a"), ("--explain",), ("--dry-run",)])
def test_what_the_job_decides_itself_is_refused(run: Any, words: tuple[str, ...]) -> None:
    code, out, err = run("--emit", "slurm", *words, "-n", "2", "train.py")
    assert (code, out) == (2, "")
    assert f"error: {words[0]} means nothing with --emit slurm [usage]" in err


def test_ranks_that_do_not_fill_their_nodes_are_refused(run: Any) -> None:
    code, _, err = run("--emit", "slurm", "-n", "5", "-ppn", "2", "train.py")
    assert code == 2
    assert "uneven-job" in err


def test_a_file_that_cannot_be_written_is_named(run: Any) -> None:
    code, out, err = run("--emit", "slurm", "--cpus-per-rank", "1", "--output", "nowhere/job.sh", "train.py")
    assert (code, out) == (2, "")
    assert "nowhere/job.sh cannot be written" in err
