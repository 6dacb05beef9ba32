"""Two hosts, made of namespaces: verify and training across them, and what happens when one of them is not right."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration import bridge_ranks as ranks
from tests.integration import hosts
from tests.integration.bridge_environment import bridge_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.integration.conftest import EnvironmentFactory

pytestmark = pytest.mark.slow

LIMIT_S = 300.0
HERE = Path(__file__).parent.parent.parent
WAYS = ("ddp", "ddp_bf16")


@pytest.fixture(scope="module")
def python(
    environment: EnvironmentFactory, interpreter: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Return the Python of an environment with the bridge and Intel MPI."""
    reason = hosts.why_not()
    if reason is not None:
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("bridged") / "env"
    return bridge_environment(environment("native213"), interpreter("3.11"), folder)


@pytest.fixture
def cluster(python: Path, tmp_path: Path) -> Iterator[hosts.Cluster]:
    """Make two hosts; what runs or lies there after the test fails it."""
    with hosts.cluster(tmp_path / "cluster") as made:
        yield made
        assert made.left_over() == {}


def environment_of(host: hosts.Host, python: Path, **more: str) -> dict[str, str]:
    """Return the environment of a program that this test starts on a host."""
    source = {"PYTHONPATH", "IPEXENV_BRIDGE_LIB"}  # the environment has the bridge itself
    kept = {name: value for name, value in ranks.environment().items() if name not in source}
    path = f"{python.parent}:{os.environ.get('PATH', os.defpath)}"
    return {**kept, "PATH": path, "MASTER_ADDR": host.address, **more}


class Verified:
    """One run of the command on the first host."""

    def __init__(self, cluster: hosts.Cluster, python: Path, *words: str | Path, **env: str) -> None:
        outside = {"VIRTUAL_ENV", "CONDA_PREFIX"}
        kept = {name: value for name, value in os.environ.items() if name not in outside}
        command = (sys.executable, "-m", "ipexenv", "verify", "--python", python, "--json", "-q", "--dtype", "bf16")
        ended = cluster[0].run(*command, *words, limit_s=LIMIT_S, env={**kept, "PYTHONPATH": str(HERE), **env})
        assert ended.stdout, ended.stderr
        self.code = ended.returncode
        self.document: dict[str, Any] = json.loads(ended.stdout)
        self.data: dict[str, Any] = self.document["data"]

    def __getitem__(self, check: str) -> dict[str, Any]:
        checks = self.data.get("checks", ())
        return next((dict(each) for each in checks if each["id"] == check), {})


@pytest.mark.parametrize(("launcher", "transport"), [("mpirun", "mpi"), ("ssh", "ofi")])
def test_verify_across_hosts_of_which_each_has_a_second_interface_to_nowhere(
    cluster: hosts.Cluster, python: Path, tmp_path: Path, launcher: str, transport: str
) -> None:
    """The name of the bad interface stands before the good one's, wherever interfaces are taken in order."""
    for index, host in enumerate(cluster.hosts):
        hosts.add_dead_end(host, index, "aaa0")
    file = cluster.hostfile(tmp_path, "# both hosts", "", "node1:1", "node2 slots=4")
    run = Verified(cluster, python, "--hostfile", file, "-ppn", "2", "--launcher", launcher, "--timeout", "100")
    assert run.code == 0, run.document
    allreduce, ddp = run["allreduce"]["measurements"], run["ddp"]["measurements"]
    assert (allreduce["provider"], allreduce["oneccl_version"]) == ("bridge", "2022.2.0")
    assert (allreduce["ranks"], allreduce["hosts"]) == (4, 2)
    assert (allreduce["transport"], allreduce["fabric"], allreduce["interface"]) == (transport, "tcp, shm", "eth0")
    assert allreduce["latency_microseconds"] > 0
    assert allreduce["bandwidth_64_mib_gigabytes_per_second"] > 0
    assert (ddp["dtype"], ddp["ranks"]) == ("bf16", 4)
    assert [(row["host"], row["ranks"], row["interface"]) for row in run.data["hosts"]] == [
        ("node1", [0, 1], "eth0"),
        ("node2", [2, 3], "eth0"),
    ]
    assert {row["oneccl"] for row in run.data["hosts"]} == {"2022.2.0"}


def test_four_ranks_under_mpirun_train_as_over_gloo(cluster: hosts.Cluster, python: Path, tmp_path: Path) -> None:
    file = cluster.hostfile(tmp_path)
    program = tmp_path / "rank.sh"
    program.write_text(
        'export RANK=$PMI_RANK WORLD_SIZE=$PMI_SIZE LOCAL_RANK=$MPI_LOCALRANKID\nexec "$@"\n', encoding="utf-8"
    )
    losses = {}
    for backend in ("ccl", "gloo"):
        train = (python, ranks.PROGRAMS / "train.py", backend, *WAYS)
        words = (python.parent / "mpirun", "-f", file, "-n", "4", "-ppn", "2", "sh", program, *train)
        env = environment_of(cluster[0], python, GLOO_SOCKET_IFNAME="eth0")
        ended = cluster[0].run(*words, limit_s=LIMIT_S, env=env)
        answers = [json.loads(line) for line in ended.stdout.splitlines() if line.startswith("{")]
        assert (len(answers), ended.returncode if backend == "ccl" else 0) == (4, 0), ended
        losses[backend] = answers
        assert all(answer == answers[0] for answer in answers), "every rank has the same losses"
    for way, tolerance in (("ddp", 1e-5), ("ddp_bf16", 0.02)):
        assert losses["ccl"][0][way] == pytest.approx(losses["gloo"][0][way], rel=tolerance)


def test_an_interface_that_is_not_there_is_refused(cluster: hosts.Cluster, python: Path, tmp_path: Path) -> None:
    file = cluster.hostfile(tmp_path)
    run = Verified(cluster, python, "--hostfile", file, "--timeout", "60", CCL_KVS_IFACE="nope0")
    assert run.code == 1
    assert run["allreduce"]["status"] == "fail"
    assert "CCL_KVS_IFACE names the network interface 'nope0', and this host has lo, eth0" in run["allreduce"]["detail"]


def test_hosts_that_cannot_take_part_are_all_named(python: Path, tmp_path: Path) -> None:
    """One is as it should be; of the others each lacks something else."""
    names = ("node1", "another-torch", "no-python", "no-key")
    with hosts.cluster(tmp_path / "cluster", names=names) as made:
        file = made.hostfile(tmp_path, *names, f"{hosts.NETWORK}.9", "nobody")
        version = tmp_path / "version.py"
        version.write_text('__version__ = "2.7.0+cpu"\n', encoding="utf-8")
        made[1].do("mount", "--bind", str(version), str(_torch(python) / "version.py"))
        made[2].do("mount", "-t", "tmpfs", "tmpfs", str(python.parent))
        made[3].do("mount", "--bind", "/dev/null", str(tmp_path / "cluster" / "authorized_keys"))
        run = Verified(made, python, "--hostfile", file)
        assert made.left_over() == {}
    assert (run.code, run["ddp"]["status"]) == (1, "skip")
    problems = {row["host"]: row["problem"] for row in run.data["hosts"]}
    assert problems.pop("node1") is None
    assert problems.pop("another-torch") == "it has torch 2.7.0+cpu, and node1 has 2.13.0+cpu"
    assert problems.pop("no-python").startswith("the target's Python does not run there: ")
    assert problems.pop("no-key").startswith("ssh is not let in without a password (it offers publickey")
    assert problems.pop(f"{hosts.NETWORK}.9").startswith("ssh cannot reach it: ")
    assert problems.pop("nobody").startswith("its name cannot be resolved")
    assert problems == {}
    assert run["allreduce"]["measurements"]["hosts_at_fault"] == [*names[1:], f"{hosts.NETWORK}.9", "nobody"]


def _torch(python: Path) -> Path:
    script = "import importlib.util as u; print(u.find_spec('torch').origin)"
    found = subprocess.run([python, "-I", "-c", script], capture_output=True, check=True, text=True)
    return Path(found.stdout.strip()).parent


@pytest.mark.parametrize("launcher", ["mpirun", "ssh"])
def test_a_rank_that_is_killed_on_the_other_host_ends_all(
    cluster: hosts.Cluster, python: Path, tmp_path: Path, launcher: str
) -> None:
    """The bandwidth's large messages give time to find the rank among the processes of its host."""
    file = cluster.hostfile(tmp_path)
    words = ("--hostfile", file, "-ppn", "2", "--launcher", launcher, "--timeout", "100", "--json", "-q")
    command = (sys.executable, "-m", "ipexenv", "verify", "--python", python, *words)
    running = cluster[0].start(*command, env={**os.environ, "PYTHONPATH": str(HERE)})
    try:
        victim = _rank_that_is_at_work(cluster[1])
        os.kill(victim, signal.SIGKILL)
        out, err = running.communicate(timeout=LIMIT_S)
    finally:
        ranks.kill(running)
    assert running.returncode == 1, err
    checks = {check["id"]: check for check in json.loads(out)["data"]["checks"]}
    told = [check for check in checks.values() if check["status"] == "fail"]
    assert len(told) == 1, checks
    assert " on node2: " in told[0]["detail"]
    assert "it died of SIGKILL" in told[0]["detail"]


def _rank_that_is_at_work(host: hosts.Host) -> int:
    """Wait until a rank on the host has loaded oneCCL, and return its process id on this machine."""
    deadline = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline:
        for pid, words in host.processes().items():
            if "exec(compile(sys.stdin.read()" in words and "libccl.so.1" in _maps(pid):
                return pid
        time.sleep(0.05)
    raise AssertionError(f"no rank came to work on {host.name}: {host.processes()}")


def _maps(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/maps").read_text("utf-8", errors="replace")
    except OSError:
        return ""


def test_a_killed_rank_is_an_error_on_every_rank_in_time(cluster: hosts.Cluster, python: Path, tmp_path: Path) -> None:
    """Plain processes, two on each host, which nobody ends from outside."""
    meeting = tmp_path / "together"
    meeting.mkdir()
    more = {"WORLD_SIZE": "4", "MASTER_PORT": str(ranks.free_port()), "TOGETHER": str(meeting), "TOGETHER_RANKS": "4"}
    started = [
        cluster[rank // 2].start(
            python,
            ranks.PROGRAMS / "misfortune.py",
            "killed",
            "10",
            env=environment_of(cluster[0], python, RANK=str(rank), **more),
        )
        for rank in range(4)
    ]
    ended = ranks.finish(started, limit_s=LIMIT_S)
    assert ended[3].returncode in {-signal.SIGKILL, 128 + signal.SIGKILL}, ended
    for rank in ended[:3]:
        assert rank.returncode == 0, ended
        first = rank.answer[0]
        assert {"CclPeerError", "CclTimeoutError"} & set(first["kinds"]), first


@pytest.mark.parametrize("loopback", ["up", "down"])
def test_a_host_without_a_network(python: Path, tmp_path: Path, loopback: str) -> None:
    with hosts.cluster(tmp_path / "cluster", 1) as made:
        made[0].do("ip", "link", "set", "eth0", "down")
        made[0].do("ip", "link", "set", "lo", loopback)
        run = Verified(made, python, "--timeout", "60")
        assert made.left_over() == {}
    if loopback == "up":
        assert run.code == 0, run.document
        assert run["allreduce"]["measurements"]["interface"] == "lo"
    else:
        assert run.code == 1
        assert run["allreduce"]["status"] == "fail"
        assert "no network interface is up, not even lo" in run["allreduce"]["detail"]


def test_bad_lines_are_refused_before_anything_is_started(python: Path, tmp_path: Path) -> None:
    file = tmp_path / "hostfile"
    file.write_text("node1\nnode2 slots=two\n", encoding="utf-8")
    command = [sys.executable, "-m", "ipexenv", "verify", "--python", str(python), "--hostfile", str(file)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=LIMIT_S)
    assert ended.returncode == 2
    assert f"{file}, line 2: 'two' is not a number of ranks from 1 to" in ended.stderr
