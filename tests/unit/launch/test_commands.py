"""Command lines of ssh and mpirun, and what their complaints mean."""

from __future__ import annotations

import shlex

import pytest

from ipexenv.launch.mpirun import (
    Mpirun,
    boots_over_ssh,
    flavour_of,
    in_words,
    machinefile,
    mpirun_command,
    mpirun_environment,
)
from ipexenv.launch.seats import Seat
from ipexenv.launch.ssh import explain_ssh, ssh_command
from ipexenv.launch.start import explain_mpirun

HYDRA = Mpirun(path="/env/bin/mpirun", flavour="hydra")
OPEN = Mpirun(path="mpirun", flavour="openmpi")


def seats(*sizes: int) -> list[Seat]:
    found: list[Seat] = []
    for number, size in enumerate(sizes):
        first = len(found)
        found += [Seat(rank=first + n, host=f"n{number}", local_rank=n, local_size=size) for n in range(size)]
    return found


def test_ssh_asks_nobody_and_leaves_the_words_whole() -> None:
    command = ssh_command("user@node", ["/env/bin/python", "-c", "import sys;f('a b', \"c\")", ""])
    assert command[:3] == ("ssh", "-T", "-x")
    assert "BatchMode=yes" in command
    assert "ConnectTimeout=10" in command
    assert command[-3:-1] == ("--", "user@node")
    assert shlex.split(command[-1]) == ["exec", "/env/bin/python", "-c", "import sys;f('a b', \"c\")", ""]


@pytest.mark.parametrize(
    ("stderr", "code", "words"),
    [
        ("root@n: Permission denied (publickey,password).\r\n", "ssh-refused", "it offers publickey,password"),
        ("Host key verification failed.\r\n", "ssh-host-key", "does not know its host key"),
        ("ssh: Could not resolve hostname n: Name or service not known\r\n", "unknown-host", "(Name or service not k"),
        (
            "ssh: connect to host n port 22: Connection refused\r\n",
            "unreachable",
            "cannot reach it: Connection refused",
        ),
        ("ssh: connect to host n port 22: Connection timed out\n", "unreachable", "Connection timed out"),
        ("kex_exchange_identification: read: Connection reset by peer\n", "unreachable", "Connection reset by peer"),
        ("bash: line 1: /e/bin/python: No such file or directory\n", "no-python", "bash: line 1: /e/bin/python: No s"),
        ("fish: Unknown command: /e/bin/python\n", "no-python", "fish: Unknown command: /e/bin/python"),
        ("zsh:1: permission denied: /e/bin/python\nzsh:1: x: Permission denied", "no-python", "Python does not run"),
        ("strange\n\n", "unreachable", "exit code 7, strange"),
        ("", "unreachable", "exit code 7, and said nothing"),
    ],
)
def test_what_ssh_says_is_understood(stderr: str, code: str, words: str) -> None:
    unreached = explain_ssh("n", stderr, 7)
    assert unreached.code == code
    assert words in unreached.cause
    assert "\r" not in unreached.cause
    assert "{" not in unreached.cause + unreached.hint


@pytest.mark.parametrize(
    ("text", "flavour"),
    [
        ("Intel(R) MPI Library for Linux* OS, Version 2021.18", "hydra"),
        ("HYDRA build details:\n    Version: 4.1.2", "hydra"),
        ("mpirun (Open MPI) 4.1.4", "openmpi"),
        ("mpirun (OpenRTE) 3.1", "openmpi"),
        ("jsrun 10", None),
    ],
)
def test_whose_mpirun_it_is(text: str, flavour: str | None) -> None:
    assert flavour_of(text) == flavour


def test_equal_hosts_need_no_counts() -> None:
    command = mpirun_command(HYDRA, seats(2, 2), "file", ("prog", "x"))
    assert command == ("/env/bin/mpirun", "-f", "file", "-n", "4", "-ppn", "2", "prog", "x")
    assert machinefile(HYDRA, seats(2, 2)) == "n0:2\nn1:2\n"


def test_unequal_hosts_are_placed_by_the_file() -> None:
    command = mpirun_command(HYDRA, seats(2, 1), "file", ("prog",))
    assert command == ("/env/bin/mpirun", "-machinefile", "file", "-n", "3", "prog")


def test_open_mpi_has_its_own_words() -> None:
    command = mpirun_command(OPEN, seats(2, 1), "file", ("prog",))
    assert command[2:] == ("--hostfile", "file", "-np", "3", "--map-by", "slot", "prog")
    assert machinefile(OPEN, seats(2, 1)) == "n0 slots=2\nn1 slots=1\n"
    assert (in_words(OPEN), in_words(HYDRA)) == ("mpirun (Open MPI)", "/env/bin/mpirun (Hydra)")


def test_mpirun_finds_its_own_and_asks_nobody() -> None:
    wanted = mpirun_environment(HYDRA, {"PATH": "/bin"})
    assert wanted["PATH"] == "/env/bin:/bin"
    assert "BatchMode=yes" in wanted["I_MPI_HYDRA_BOOTSTRAP_EXEC_EXTRA_ARGS"]
    assert "BatchMode=yes" in mpirun_environment(OPEN, {"PATH": "/bin"})["OMPI_MCA_plm_rsh_args"]


@pytest.mark.parametrize(
    "env",
    [{"I_MPI_HYDRA_BOOTSTRAP_EXEC_EXTRA_ARGS": "-p 23"}, {"I_MPI_HYDRA_BOOTSTRAP": "slurm"}, {"SLURM_JOBID": "7"}],
)
def test_what_the_user_or_a_scheduler_says_of_starting_stays(env: dict[str, str]) -> None:
    assert "I_MPI_HYDRA_BOOTSTRAP_EXEC_EXTRA_ARGS" not in mpirun_environment(HYDRA, env)


def test_who_reaches_the_hosts_over_ssh() -> None:
    assert boots_over_ssh(HYDRA, {})
    assert boots_over_ssh(HYDRA, {"I_MPI_HYDRA_BOOTSTRAP": "ssh", "SLURM_JOBID": "7"})
    assert not boots_over_ssh(HYDRA, {"PBS_ENVIRONMENT": "PBS_BATCH"})
    assert not boots_over_ssh(OPEN, {"SLURM_JOBID": "7"})


@pytest.mark.parametrize(
    ("words", "host", "cause"),
    [
        ("[mpiexec@a] Error: Unable to run bstrap_proxy on b (pid 1, exit code 65280)", "b", "Unable to run bstrap_"),
        (
            "[proxy:0:1@b] HYD_spawn (x.c:1): execvp error on file /p (No such file or directory)",
            "b",
            "error on file /p",
        ),
        ("ssh: Could not resolve hostname b: Name or service not known\r\nORTE was unable", "b", "Could not resolve"),
        ("ssh: connect to host b port 22: No route to host", "b", "No route to host"),
        ("\nall is lost\n", "", "mpirun started nothing: exit code 3, all is lost"),
        ("", "", "exit code 3, it said nothing"),
    ],
)
def test_what_mpirun_complains_of(words: str, host: str, cause: str) -> None:
    found, unreached = explain_mpirun(words, 3)
    assert found == host
    assert cause in unreached.cause
