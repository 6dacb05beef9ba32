"""What the containers of a job file would run, run here without containers: the ranks meet and reduce."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from ipexenv.launch.emit import emit
from ipexenv.launch.settings import choose_settings
from tests.integration import bridge_ranks as ranks
from tests.integration.launching import without_ranks
from tests.unit.launch.emit.making import job

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ipexenv.launch.emit.model import EmitKind
    from tests.integration.conftest import EnvironmentFactory

pytestmark = pytest.mark.slow

LIMIT_S = 180
PROGRAM = """\
import os, sys
import torch
import torch.distributed as dist
dist.init_process_group("gloo")
ones = torch.ones(1)
dist.all_reduce(ones)
with open(os.environ["RANK"] + ".txt", "w") as file:
    file.write(f"{int(ones)} {torch.get_num_threads()} {os.environ['LOCAL_RANK']} {sys.argv[1]}")
dist.destroy_process_group()
"""
WORD = "it's $(HOME) $HOME"


def load(kind: EmitKind, nodes: int, ranks_of_a_node: int) -> dict[str, Any]:
    made = job(
        kind, "--cpus-per-rank", "1", script=("program.py", WORD), nodes=nodes, ranks=ranks_of_a_node,
        choose=choose_settings,
    )  # fmt: skip
    document: dict[str, Any] = yaml.safe_load(emit(kind, made))
    return document


def start(command: list[str], folder: Path, python: Path, more: Mapping[str, str]) -> subprocess.Popen[str]:
    """Start what a container would, in an environment that finds ``python`` first."""
    (folder / "program.py").write_text(PROGRAM)
    path = os.pathsep.join([str(python.parent), str(ranks.libraries() / "bin"), os.environ.get("PATH", os.defpath)])
    env = {**without_ranks({}), "GLOO_SOCKET_IFNAME": "lo", **more, "PATH": path}
    return subprocess.Popen(command, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def finish(started: list[subprocess.Popen[str]], folder: Path) -> list[str]:
    """Wait for all of them, and return what each rank has to say."""
    try:
        for process in started:
            said, _ = process.communicate(timeout=LIMIT_S)
            assert process.returncode == 0, said
    finally:
        for process in started:
            process.kill()
            process.wait()
    return [(folder / f"{rank}.txt").read_text() for rank in range(2)]


def test_the_pods_of_a_pytorchjob(environment: EnvironmentFactory, tmp_path: Path) -> None:
    """The operator's part is played: it tells torchrun its place in torchrun's own variables."""
    replicas = load("pytorchjob", 2, 1)["spec"]["pytorchReplicaSpecs"]
    place = {
        "PET_NNODES": "2", "PET_NPROC_PER_NODE": "1", "PET_MASTER_ADDR": "127.0.0.1",
        "PET_MASTER_PORT": str(ranks.free_port()),
    }  # fmt: skip
    started = []
    for node, name in enumerate(("Master", "Worker")):
        (container,) = replicas[name]["template"]["spec"]["containers"]
        env = {pair["name"]: pair["value"].replace("$$(", "$(") for pair in container["env"]}
        command = [word.replace("$$(", "$(") for word in container["command"]]
        more = {**env, **place, "PET_NODE_RANK": str(node)}
        started.append(start(command, tmp_path, environment("native213").python, more))
    assert finish(started, tmp_path) == [f"2 1 0 {WORD}"] * 2


def test_the_services_of_a_compose_file(environment: EnvironmentFactory, tmp_path: Path) -> None:
    """Docker's part is played: the name of the first service is this machine's loopback address."""
    port = str(ranks.free_port())
    started = []
    for service in load("compose", 2, 1)["services"].values():
        words = [word.replace("$$", "$") for word in service["command"]]
        words = [word.replace("=program-0", "=127.0.0.1").replace("=29500", f"={port}") for word in words]
        started.append(start(words, tmp_path, environment("native213").python, service["environment"]))
    assert finish(started, tmp_path) == [f"2 1 0 {WORD}"] * 2


def test_the_launcher_of_an_mpijob(environment: EnvironmentFactory, tmp_path: Path) -> None:
    """The operator's part is played: it writes the hostfile, and names it to Intel MPI."""
    spec = load("mpijob", 1, 2)["spec"]["mpiReplicaSpecs"]["Launcher"]["template"]["spec"]
    (container,) = spec["containers"]
    hostfile = tmp_path / "hostfile"
    hostfile.write_text("127.0.0.1:2\n")
    command = [word.replace("$$(", "$(").replace("/etc/mpi/hostfile", str(hostfile)) for word in container["command"]]
    env = {pair["name"]: pair["value"].replace("$$(", "$(") for pair in container["env"]}
    more = {**env, "I_MPI_HYDRA_HOST_FILE": str(hostfile), "MASTER_PORT": str(ranks.free_port())}
    started = [start(command, tmp_path, environment("native213").python, more)]
    assert finish(started, tmp_path) == [f"2 1 {rank} {WORD}" for rank in range(2)]
