"""`ipexenv run` across hosts made of namespaces: ranks over ccl, unlike hosts, and hosts that are not right."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

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
PROGRAM = Path(__file__).parent / "run_programs" / "job.py"
WAITING = PROGRAM.with_name("waiting.py")
SOON_LOST = """
import sys
from ipexenv.__main__ import main
from ipexenv.launch import follow
follow.LOST_S = 21.0
sys.exit(main())
"""
"""The tool, which gives a host up after half the usual time; one that is well speaks every 10 s."""
LENDER = "import numpy, os; print(os.path.dirname(os.path.dirname(numpy.__file__)))"


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


def command(python: Path, *words: object, tool: tuple[str, ...] = ("-m", "ipexenv")) -> list[str]:
    return [sys.executable, *tool, "run", "--python", str(python), *map(str, words)]


def environment_of_tool(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(HERE), **more}


def run(made: hosts.Cluster, python: Path, *words: object, **more: str) -> subprocess.CompletedProcess[str]:
    """Run it on the first host to its end."""
    return made[0].run(*command(python, *words), limit_s=LIMIT_S, env=environment_of_tool(**more))


def answers(ended: subprocess.CompletedProcess[str]) -> dict[int, dict[str, object]]:
    """Return what each rank printed, by the number before its line."""
    found = {}
    for line in ended.stdout.splitlines():
        number, _, text = line.partition("] ")
        if text.startswith("{"):
            found[int(number.removeprefix("["))] = json.loads(text)
    return found


def test_four_ranks_on_two_unlike_hosts_train_over_ccl(cluster: hosts.Cluster, python: Path, tmp_path: Path) -> None:
    """Each has one more interface, to nowhere, whose name comes first; the second host has one CPU less."""
    for index, host in enumerate(cluster.hosts):
        hosts.add_dead_end(host, index, "aaa0")
    file = cluster.hostfile(tmp_path)
    ended = run(cluster, python, "-n", "4", "-ppn", "2", "--hostfile", file, PROGRAM, "ccl")
    assert ended.returncode == 0, ended
    told = answers(ended)
    assert sorted(told) == [0, 1, 2, 3], ended
    for rank, answer in told.items():
        assert (answer["rank"], answer["size"], answer["local"]) == (rank, 4, rank % 2)
        assert answer["host"] == f"node{rank // 2 + 1}"
        assert answer["meet"] == f"{hosts.NETWORK}.1"
        assert answer["interfaces"] == ["eth0", "eth0"]
        assert answer["sum"] == 10
    assert len({json.dumps(answer["losses"]) for answer in told.values()}) == 1


def test_open_mpi_gives_unlike_hosts_what_each_has_room_for(
    cluster: hosts.Cluster, python: Path, tmp_path: Path
) -> None:
    """The second host's processes may use one CPU alone; each rank's output goes to files of its own."""
    if hosts.program("mpirun.openmpi") is None:
        pytest.skip("this test needs Open MPI's mpirun (openmpi-bin)")
    usable = sorted(os.sched_getaffinity(0))
    if len(usable) == 1:
        pytest.skip("hosts cannot be unlike where there is one CPU")
    cluster[1].do("sh", "-c", f"taskset -apc {usable[0]} $(pidof sshd)")
    logs = tmp_path / "logs"
    words = ("-n", "2", "--hosts", "node1,node2", "--launcher", "openmpi", "--ccl-workers", "0", "--log-dir", logs)
    ended = run(cluster, python, *words, "--json", "--env", "TOLD=yes", PROGRAM, "gloo")
    assert ended.returncode == 0, ended
    data = json.loads(ended.stdout)["data"]
    assert [host["cpus"] for host in data["hosts"]] == [[usable], [usable[:1]]], data
    first, second = (json.loads((logs / f"rank-{rank}.out").read_text()) for rank in range(2))
    assert (first["cpus"], second["cpus"]) == (usable, usable[:1])
    assert second["threads"] == 1
    assert first["threads"] == int(data["hosts"][0]["environment"][0]["OMP_NUM_THREADS"]) > 0
    assert first["losses"] == second["losses"]


def start(
    made: hosts.Cluster, python: Path, *words: object, tool: tuple[str, ...] = ("-m", "ipexenv"), **more: str
) -> tuple[subprocess.Popen[str], list[str]]:
    """Start ranks that wait; return the process and what was printed when all of them do."""
    running = made[0].start(*command(python, *words, tool=tool), env=environment_of_tool(**more))
    assert running.stdout is not None
    lines = [running.stdout.readline() for _ in range(4)]
    return running, lines


def find(host: hosts.Host, *marks: str) -> int:
    """Return the process (its number on this machine) whose command line holds all the marks and no other program's."""
    found = [pid for pid, words in host.processes().items() if all(mark in words for mark in marks)]
    assert found, host.processes()
    return min(found)


@pytest.mark.parametrize("launcher", ["mpirun", "openmpi"])
def test_a_rank_that_is_killed_is_named_with_its_host_and_ends_all(
    cluster: hosts.Cluster, python: Path, tmp_path: Path, launcher: str
) -> None:
    file = cluster.hostfile(tmp_path, "node1 slots=2", "node2 slots=2")
    running, lines = start(cluster, python, "--hostfile", file, "--launcher", launcher, WAITING)
    try:
        assert sorted(lines) == [f"[{rank}] rank {rank} waits\n" for rank in range(4)]
        os.kill(find(cluster[1], f"{python} {WAITING}"), signal.SIGKILL)
        _, err = running.communicate(timeout=LIMIT_S)
    finally:
        ranks.kill(running)
    assert running.returncode == 128 + signal.SIGKILL, err
    assert "on node2 failed first, and the others were ended: SIGKILL (9)" in err


@pytest.mark.parametrize(("launcher", "number"), [("mpirun", signal.SIGINT), ("openmpi", signal.SIGTERM)])
def test_ctrl_c_ends_all_ranks_everywhere(
    cluster: hosts.Cluster, python: Path, tmp_path: Path, launcher: str, number: signal.Signals
) -> None:
    """What they have started in sessions of its own is ended, too; the fixture looks for what is left."""
    file = cluster.hostfile(tmp_path)
    running, _ = start(cluster, python, "-ppn", "2", "--hostfile", file, "--launcher", launcher, WAITING)
    try:
        os.kill(find(cluster[0], "-m ipexenv run"), number)
        _, err = running.communicate(timeout=LIMIT_S)
    finally:
        ranks.kill(running)
    assert running.returncode == 130, err
    assert err.endswith("interrupted\n")


def test_a_tool_that_is_killed_leaves_nothing(cluster: hosts.Cluster, python: Path, tmp_path: Path) -> None:
    file = cluster.hostfile(tmp_path)
    running, _ = start(cluster, python, "-ppn", "2", "--hostfile", file, WAITING, TMPDIR=str(tmp_path))
    try:
        os.kill(find(cluster[0], "-m ipexenv run"), signal.SIGKILL)
        running.communicate(timeout=LIMIT_S)
    finally:
        ranks.kill(running)


def test_hosts_that_cannot_take_part_are_all_named(python: Path, tmp_path: Path) -> None:
    with hosts.cluster(tmp_path / "cluster", names=("node1", "down", "no-key")) as made:
        made[1].do("ip", "link", "set", "eth0", "down")
        made[2].do("mount", "--bind", "/dev/null", str(tmp_path / "cluster" / "authorized_keys"))
        ended = run(made, python, "--hostfile", made.hostfile(tmp_path), "--json", PROGRAM, "gloo")
        assert made.left_over() == {}
    (problem,) = json.loads(ended.stdout)["problems"]
    assert (ended.returncode, problem["message"]) == (3, "2 of 3 hosts cannot take part")
    down, refused = problem["causes"]
    assert down.startswith("down: ssh cannot reach it: ")
    assert refused.startswith("no-key: ssh is not let in without a password")


def test_hosts_with_unlike_environments_are_compared(cluster: hosts.Cluster, python: Path, tmp_path: Path) -> None:
    """The second host sees another version.py of torch and another metadata of numpy, laid over the shared files."""
    site_packages = Path(subprocess.check_output([python, "-c", LENDER], text=True).strip())
    version = tmp_path / "version.py"
    version.write_text('__version__ = "2.7.0+cpu"\n', encoding="utf-8")
    (numpy,) = site_packages.glob("numpy-*.dist-info")
    cluster[1].do("mount", "-t", "tmpfs", "tmpfs", str(numpy))
    cluster[1].do("mount", "--bind", str(version), str(site_packages / "torch" / "version.py"))
    ended = run(cluster, python, "--hostfile", cluster.hostfile(tmp_path), PROGRAM, "gloo")
    assert ended.returncode == 1, ended
    assert "error: the hosts have unlike environments [hosts-differ]" in ended.stderr
    assert "because torch: 2.13.0+cpu on node1, 2.7.0+cpu on node2" in ended.stderr


def test_an_address_that_leads_nowhere_is_refused(cluster: hosts.Cluster, python: Path) -> None:
    hosts.add_dead_end(cluster[0], 0)
    address = f"{hosts.NOWHERE}.1.1"
    ended = run(cluster, python, "--hosts", "node1,node2", "--master-addr", address, WAITING)
    assert ended.returncode == 3, ended
    assert "error: the hosts do not reach each other [hosts-apart]" in ended.stderr
    assert f"because node2 does not reach node1 at {address} (" in ended.stderr


def test_ranks_that_never_join_are_named_with_their_place(cluster: hosts.Cluster, python: Path, tmp_path: Path) -> None:
    file = cluster.hostfile(tmp_path)
    ended = run(cluster, python, "--hostfile", file, "-ppn", "1", "--start-timeout", "6", WAITING)
    assert ended.returncode == 1, ended
    assert "2 of 2 ranks did not get through their first collective within 6 s" in ended.stderr
    assert "rank 1 on node2: it has not called init_process_group" in ended.stderr
    assert f'File "{WAITING}", line' in ended.stderr


def test_a_host_that_falls_silent_ends_the_job(python: Path, tmp_path: Path) -> None:
    """Its interface goes down while ranks run; what runs there dies with the host here, on a real one with its link."""
    with hosts.cluster(tmp_path / "cluster") as made:
        words = ("-ppn", "2", "--hostfile", made.hostfile(tmp_path), WAITING)
        running, _ = start(made, python, *words, tool=("-c", SOON_LOST))
        try:
            made[1].do("ip", "link", "set", "eth0", "down")
            _, err = running.communicate(timeout=LIMIT_S)
        finally:
            ranks.kill(running)
        assert running.returncode == 1, err
        assert "error: the job was ended because a host fell silent [host-lost]" in err
        assert "because nothing was heard of rank(s) 2, 3 on node2 for " in err
        assert made[0].wait_until_quiet() == {}
