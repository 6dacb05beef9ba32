"""Job files say what the job says, whatever its words hold, and shells and YAML readers get it back unchanged."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from ipexenv.launch.emit import emit
from ipexenv.launch.emit.manifest import yaml_text
from ipexenv.launch.emit.model import KINDS
from ipexenv.launch.emit.ranks import rank_text
from ipexenv.launch.setting import RunWish
from tests.unit.launch.emit.making import job

if TYPE_CHECKING:
    from pathlib import Path

    from ipexenv.launch.emit.model import EmitJob, EmitKind

HOSTILE = (
    "it's",
    '"; rm -rf ~ #',
    "$HOME",
    "$(HOME)",
    "${HOME}",
    "`id`",
    "a\nb: c",
    "- x",
    "1e3",
    "yes",
    "0x1f",
    "null",
    "",
    "\\",
    "{{a}}",
    "*",
    "é",
    "END_OF_RANK",
    "\ttab ",
    "#",
    "y",
    "~",
)
MANIFESTS: tuple[EmitKind, ...] = ("pytorchjob", "mpijob", "compose")

SPY = """\
#!{python}
import json, os, sys
print(json.dumps([sys.argv[1:], dict(os.environ)]))
"""


def hostile(kind: str, *words: str) -> EmitJob:
    more = {f"VALUE_{n}": text for n, text in enumerate(HOSTILE)}
    return job(kind, *words, script=("train.py", *HOSTILE), more=more)


def spied(folder: Path, script: str, shell: str, *argv: str, programs: dict[str, str]) -> tuple[list[str], Any]:
    """Run ``script`` where its launcher is a spy; return the spy's words and environment."""
    for name, text in programs.items():
        (folder / name).write_text(text.format(python=sys.executable))
        (folder / name).chmod(0o755)
    (folder / "script").write_text(script, encoding="utf-8")
    command = [shell, str(folder / "script")] if not argv else [shell, "-c", script, *argv]
    env = {"PATH": f"{folder}{os.pathsep}{os.environ.get('PATH', os.defpath)}", "SLURM_JOB_NODELIST": "n[1-2]"}
    told = subprocess.run(
        command, capture_output=True, text=True, check=True, timeout=60, env={**env, "SLURM_JOB_ID": "12001"}
    )
    words, seen = json.loads(told.stdout)
    return words, seen


def kubernetes_text(text: str) -> str:
    """Return what Kubernetes makes of a text in which no variable is meant."""
    assert "$(" not in text.replace("$$(", "")
    return text.replace("$$(", "$(")


def compose_text(text: str) -> str:
    assert "$" not in text.replace("$$", "")
    return text.replace("$$", "$")


def load(kind: EmitKind, made: EmitJob) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(emit(kind, made))
    return document


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_is_the_same_each_time_and_tells_reasons_and_notes(kind: EmitKind) -> None:
    made = job(kind, more={"WANDB_MODE": "offline"})
    text = emit(kind, made)
    assert text == emit(kind, made)
    assert text.endswith("\n")
    for setting in made.environment:
        assert f"# {setting.name}: {setting.reason}\n" in text
    for note in made.notes:
        assert f"# Note: {note}.\n" in text
    assert max(map(len, text.splitlines())) < 500


def test_sbatch_is_told_what_the_user_asked_for() -> None:
    made = job(
        "slurm", "--cpus-per-rank", "28", "--time", "1-02:03:04", "--memory", "1G", "--partition", "cpu",
        "--account", "team", "--workdir", "/shared/my project", "--name", "squad",
    )  # fmt: skip
    lines = [line.removeprefix("#SBATCH ") for line in emit("slurm", made).splitlines() if line.startswith("#SBATCH")]
    assert lines == [
        "--job-name=squad",
        "--nodes=2",
        "--ntasks-per-node=2",
        "--cpus-per-task=28",
        "--hint=nomultithread",
        "--mem=954M",
        "--time=1-02:03:04",
        "--partition=cpu",
        "--account=team",
        "--chdir='/shared/my project'",
    ]
    with_threads = emit("slurm", job("slurm", wish=RunWish(logical_cpus=True)))
    assert "nomultithread" not in with_threads
    assert "--cpu-bind=threads" in with_threads
    assert "--cpu-bind=none" in emit("slurm", job("slurm", wish=RunWish(bind=False)))


def test_the_sbatch_script_hands_everything_to_srun_unchanged(tmp_path: Path) -> None:
    made = hostile("slurm", "--cpus-per-rank", "2")
    programs = {"srun": SPY, "scontrol": "#!/bin/sh\nprintf 'n1\\nn2\\n'\n"}
    words, seen = spied(tmp_path, emit("slurm", made), "bash", programs=programs)
    assert words[:6] == ["--cpus-per-task=2", "--cpu-bind=cores", "--kill-on-bad-exit=1", "--label", "python", "-c"]
    assert words[6] == rank_text()
    assert json.loads(words[7])["bound"] is True
    assert tuple(words[8:]) == made.command
    assert (seen["MASTER_ADDR"], seen["MASTER_PORT"]) == ("n1", "20001")
    assert all(seen[setting.name] == setting.value for setting in made.environment)


@pytest.mark.parametrize("mpi", ["hydra", "openmpi"])
def test_the_launcher_of_an_mpijob_hands_everything_to_mpirun_unchanged(tmp_path: Path, mpi: str) -> None:
    made = job("mpijob", script=("train.py", *HOSTILE), launcher=mpi)
    launcher = load("mpijob", made)["spec"]["mpiReplicaSpecs"]["Launcher"]["template"]["spec"]["containers"][0]
    shell, dash_c, script, *argv = [kubernetes_text(word) for word in launcher["command"]]
    assert (shell, dash_c) == ("/bin/sh", "-c")
    hostfile = tmp_path / "hostfile"
    ending = ":2" if mpi == "hydra" else " slots=2"
    hostfile.write_text("".join(f"train-worker-{n}.train.ml.svc{ending}\n" for n in range(2)))
    words, seen = spied(
        tmp_path, script.replace("/etc/mpi/hostfile", str(hostfile)), shell, *argv, programs={"mpirun": SPY}
    )
    assert seen["MASTER_ADDR"] == "train-worker-0.train.ml.svc"
    start = words.index("python")
    assert words[start : start + 3] == ["python", "-c", rank_text()]
    assert tuple(words[start + 4 :]) == made.command
    if mpi == "hydra":
        assert words[:start] == ["-n", "4", "-ppn", "2"]
    else:
        passed = {words[n + 1] for n, word in enumerate(words[:start]) if word == "-x"}
        assert passed == {setting.name for setting in made.environment} | {"MASTER_ADDR", "MASTER_PORT"}


@pytest.mark.parametrize("kind", MANIFESTS)
def test_manifests_hold_words_and_variables_unchanged(kind: EmitKind) -> None:
    made = hostile(kind)
    document = load(kind, made)
    if kind == "compose":
        service = document["services"]["train-0"]
        words, env = service["command"], service["environment"]
        back = compose_text
    else:
        replicas = document["spec"]["pytorchReplicaSpecs" if kind == "pytorchjob" else "mpiReplicaSpecs"]
        container = next(iter(replicas.values()))["template"]["spec"]["containers"][0]
        words, env = container["command"], {pair["name"]: pair["value"] for pair in container["env"]}
        back = kubernetes_text
    assert all(isinstance(word, str) for word in [*words, *env.values()])
    assert tuple(back(word) for word in words)[-len(made.command) :] == made.command
    assert rank_text() in [back(word) for word in words]
    assert {name: back(text) for name, text in env.items()}.items() >= {
        (setting.name, setting.value) for setting in made.environment
    }


def test_a_pytorchjob_is_one_pod_for_each_node_with_cores_and_memory_of_its_own() -> None:
    words = ("--cpus-per-rank", "14", "--pvc", "squad:/data", "--namespace", "ml", "--node-selector", "cpu/amx=true")
    document = load("pytorchjob", job("pytorchjob", *words, "--time", "60", nodes=3))
    assert (document["apiVersion"], document["kind"]) == ("kubeflow.org/v1", "PyTorchJob")
    assert document["metadata"] == {"name": "train", "namespace": "ml"}
    spec = document["spec"]
    assert spec["nprocPerNode"] == "2"
    assert spec["runPolicy"] == {"cleanPodPolicy": "None", "backoffLimit": 0, "activeDeadlineSeconds": 3600}
    replicas = spec["pytorchReplicaSpecs"]
    assert {name: each["replicas"] for name, each in replicas.items()} == {"Master": 1, "Worker": 2}
    assert replicas["Master"]["template"] == replicas["Worker"]["template"]
    pod = replicas["Master"]["template"]["spec"]
    assert pod["nodeSelector"] == {"cpu/amx": "true"}
    (container,) = pod["containers"]
    assert container["name"] == "pytorch"
    assert container["resources"]["requests"] == container["resources"]["limits"] == {"cpu": "28", "memory": "65536Mi"}
    assert container["command"][:4] == ["python", "-m", "torch.distributed.run", "--no-python"]
    assert container["workingDir"] == "/data"
    assert container["volumeMounts"] == [
        {"name": "shm", "mountPath": "/dev/shm"},
        {"name": "data", "mountPath": "/data"},
    ]
    assert pod["volumes"] == [
        {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "32768Mi"}},
        {"name": "data", "persistentVolumeClaim": {"claimName": "squad"}},
    ]


def test_a_pytorchjob_of_one_node_has_no_workers() -> None:
    assert load("pytorchjob", job("pytorchjob", nodes=1))["spec"]["pytorchReplicaSpecs"].keys() == {"Master"}


def test_the_pods_of_an_mpijob_that_compute_wait_for_ssh() -> None:
    spec = load("mpijob", job("mpijob", "--cpus-per-rank", "14", "--node-selector", "a=b"))["spec"]
    assert (spec["slotsPerWorker"], spec["mpiImplementation"]) == (2, "Intel")
    launcher, worker = (spec["mpiReplicaSpecs"][name] for name in ("Launcher", "Worker"))
    assert (launcher["replicas"], worker["replicas"]) == (1, 2)
    (container,) = worker["template"]["spec"]["containers"]
    assert "command" not in container
    assert "env" not in container
    assert container["resources"]["limits"]["cpu"] == "28"
    assert container["volumeMounts"] == [{"name": "shm", "mountPath": "/dev/shm"}]
    assert "nodeSelector" not in launcher["template"]["spec"]
    (container,) = launcher["template"]["spec"]["containers"]
    assert container["resources"]["limits"] == container["resources"]["requests"] == {"cpu": "1", "memory": "1Gi"}
    assert {"name": "I_MPI_PIN", "value": "0"} in container["env"]
    with_open_mpi = load("mpijob", job("mpijob", launcher="openmpi"))["spec"]
    assert with_open_mpi["mpiImplementation"] == "OpenMPI"


def test_compose_gives_each_service_cpus_of_its_own_and_a_name_to_meet_at() -> None:
    document = load("compose", job("compose", "--pvc", "squad:/data"))
    services = document["services"]
    assert [service["cpuset"] for service in services.values()] == ["0-3", "4-7"]
    assert [service["hostname"] for service in services.values()] == list(services) == ["train-0", "train-1"]
    for node, service in enumerate(services.values()):
        assert {f"--node-rank={node}", "--master-addr=train-0", "--nnodes=2"} <= set(service["command"])
        assert service["networks"] == list(document["networks"])
        assert (service["shm_size"], service["mem_limit"]) == ("32768m", "65536m")
        assert service["volumes"] == ["data:/data"]
    assert document["volumes"] == {"data": {"name": "squad"}}


@pytest.mark.parametrize("kind", KINDS)
def test_what_notes_quote_stays_a_comment(kind: EmitKind) -> None:
    text = emit(kind, job(kind, more={"MY_TOKEN": "x"}, script=("/a\x1b[1m\nkind: Pod\x85b.py",)))
    above = text.partition("set -euo")[0] if kind == "slurm" else text  # below, a quoted word has lines of its own
    assert not [line for line in above.splitlines() if line.startswith("kind: Pod")]
    assert all(letter.isprintable() for line in text.splitlines() if line.startswith("# ") for letter in line)


def test_compose_binds_nothing_where_ranks_are_more_than_cores() -> None:
    services = load("compose", job("compose", ranks=8))["services"]
    assert all("cpuset" not in service for service in services.values())


@example(["\n\x85"])
@example(["  \n a\n\n"])
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=4))
def test_any_words_come_back_from_yaml(words: list[str]) -> None:
    assert yaml.safe_load(yaml_text({"words": words}, ("a comment",))) == {"words": words}
