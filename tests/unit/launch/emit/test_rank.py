"""The program that starts a rank on its node: what it makes of the cores that it finds there."""

from __future__ import annotations

import ast
import glob
import importlib.util
import io
import json
import os
import resource
import sys
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from ipexenv.launch.emit.ranks import rank_command, rank_text
from tests.unit.launch.emit.making import job

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

PROGRAM = ["python", "-u", "train.py"]
WISH: dict[str, Any] = {
    "ranks": 2,
    "cpus": 4,
    "reserved": 1,
    "shared": 0,
    "kmp": None,
    "bind": True,
    "bound": False,
    "binding": ["OMP_PROC_BIND"],
    "logical": False,
    "fit": True,
    "preload": [],
    "package": None,
    "relative": {},
}


@dataclass
class Started:
    """What the program did before it became the rank."""

    argv: list[str]
    cpus: list[int] | None
    env: dict[str, str]


class Became(Exception):  # noqa: N818 (no fault: exec does not return)
    """The process is another one now."""


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Started]:
    """Return the function that runs the program on a machine of its own.

    The machine has cores of two threads, ``n`` and ``n + cores``, and two NUMA nodes of which the odd cores are one.
    """

    def run(wish: Mapping[str, Any], env: Mapping[str, str], *, allowed: range | list[int], cores: int = 8) -> Started:
        started = Started(argv=[], cpus=None, env={})

        def become(_: str, argv: list[str]) -> None:
            started.argv, started.env = list(argv), dict(os.environ)
            raise Became

        def read(path: str) -> io.StringIO:
            cpu = int(path.rpartition("/cpu")[2].partition("/")[0])
            return io.StringIO(f"{cpu % cores},{cpu % cores + cores}\n")

        def bind(_: int, cpus: list[int]) -> None:
            started.cpus = list(cpus)

        def nodes(pattern: str) -> list[str]:
            folder = pattern.rpartition("/")[0]
            return [f"{folder}/node{int(folder.rpartition('cpu')[2]) % 2}"]

        with monkeypatch.context() as patch:
            patch.setattr(os, "environ", dict(env))
            patch.setattr(os, "sched_getaffinity", lambda _: set(allowed))
            patch.setattr(os, "sched_setaffinity", bind)
            patch.setattr(os, "execvp", become)
            patch.setattr(glob, "glob", nodes)
            patch.setattr(resource, "setrlimit", lambda *_: None)
            patch.setattr(sys, "argv", ["-c", json.dumps(dict(wish)), *PROGRAM])
            with pytest.raises(Became):
                exec(rank_text(), {"__name__": "__main__", "open": read})  # noqa: S102 (what python -c does)
        return started

    return run


def test_it_is_syntax_of_the_oldest_python_and_says_no_word_to_linters() -> None:
    ast.parse(rank_text(), feature_version=(3, 7))
    assert "ruff" not in rank_text()
    assert "noqa" not in rank_text()


@pytest.mark.parametrize(("rank", "cpus"), [("0", [2, 4, 6]), ("1", [3, 5, 7])])
def test_the_ranks_of_a_whole_host_get_a_numa_node_each_and_a_core_for_oneccl(
    start: Callable[..., Started], rank: str, cpus: list[int]
) -> None:
    started = start(WISH, {"LOCAL_RANK": rank, "OMP_NUM_THREADS": "3", "OMP_PROC_BIND": "CLOSE"}, allowed=range(16))
    assert started.argv == PROGRAM
    assert started.cpus == cpus
    assert started.env["CCL_WORKER_AFFINITY"] == "0,1"
    assert (started.env["OMP_NUM_THREADS"], started.env["OMP_PROC_BIND"]) == ("3", "CLOSE")


def test_where_hyper_threads_count_each_is_a_cpu(start: Callable[..., Started]) -> None:
    started = start({**WISH, "cpus": 8, "logical": True}, {"LOCAL_RANK": "1"}, allowed=range(16))
    assert started.cpus == [9, 3, 11, 5, 13, 7, 15]
    assert started.env["OMP_NUM_THREADS"] == "7"


def test_threads_are_fewer_where_a_pod_s_cpus_are_hyper_threads(start: Callable[..., Started]) -> None:
    env = {"LOCAL_RANK": "0", "OMP_NUM_THREADS": "3"}
    started = start(WISH, env, allowed=[0, 2, 4, 6, 8, 10, 12, 14])
    assert (started.cpus, started.env["OMP_NUM_THREADS"]) == ([2], "1")
    kept = start({**WISH, "fit": False}, env, allowed=[0, 2, 4, 6, 8, 10, 12, 14])
    assert kept.env["OMP_NUM_THREADS"] == "3"


def test_cores_that_the_launcher_gave_to_the_rank_are_its_own(start: Callable[..., Started]) -> None:
    env = {"SLURM_LOCALID": "1", "SLURM_PROCID": "3", "SLURM_NTASKS": "4"}
    started = start({**WISH, "bound": True}, env, allowed=[1, 3, 5, 7, 9, 11, 13, 15])
    assert started.cpus == [3, 5, 7]
    assert started.env["CCL_WORKER_AFFINITY"] == "1,1"
    assert {name: started.env[name] for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")} == {
        "RANK": "3",
        "WORLD_SIZE": "4",
        "LOCAL_RANK": "1",
        "LOCAL_WORLD_SIZE": "2",
    }


def test_cores_that_others_use_too_are_not_bound_to(
    start: Callable[..., Started], capsys: pytest.CaptureFixture[str]
) -> None:
    env = {"LOCAL_RANK": "0", "OMP_NUM_THREADS": "3", "OMP_PROC_BIND": "CLOSE"}
    started = start({**WISH, "cpus": 2}, env, allowed=range(16))
    assert started.cpus is None
    assert "CCL_WORKER_AFFINITY" not in started.env
    assert "OMP_PROC_BIND" not in started.env
    assert started.env["OMP_NUM_THREADS"] == "3"
    assert capsys.readouterr().err == "ranks are not bound: 8 cores for 2 ranks of 2\n"


def test_fewer_cores_than_ranks_bind_nobody(start: Callable[..., Started]) -> None:
    started = start({**WISH, "ranks": 4}, {"LOCAL_RANK": "3"}, allowed=[0, 1])
    assert started.cpus is None


def test_a_single_core_is_shared_with_oneccl(start: Callable[..., Started]) -> None:
    started = start({**WISH, "cpus": 1}, {"LOCAL_RANK": "1"}, allowed=[0, 1])
    assert started.cpus == [1]
    assert "CCL_WORKER_AFFINITY" not in started.env
    assert started.env["OMP_NUM_THREADS"] == "1"


def test_workers_without_a_core_of_their_own_share_the_last_ones(start: Callable[..., Started]) -> None:
    started = start({**WISH, "reserved": 0, "shared": 2}, {"LOCAL_RANK": "1"}, allowed=range(16))
    assert started.cpus == [1, 3, 5, 7]
    assert started.env["CCL_WORKER_AFFINITY"] == "6,4,7,5"


def test_intel_s_openmp_is_told_to_stay_on_its_cores(start: Callable[..., Started]) -> None:
    wish = {**WISH, "kmp": "granularity=fine,compact,1,0"}
    assert start(wish, {"LOCAL_RANK": "0"}, allowed=range(16)).env["KMP_AFFINITY"] == wish["kmp"]
    assert start(wish, {"KMP_AFFINITY": "none"}, allowed=range(16)).env["KMP_AFFINITY"] == "none"
    assert "KMP_AFFINITY" not in start({**wish, "cpus": 2}, {}, allowed=range(16)).env


def test_oneccl_is_told_its_place_where_no_mpi_tells_it(start: Callable[..., Started]) -> None:
    env = {"LOCAL_RANK": "1", "CCL_PROCESS_LAUNCHER": "none"}
    got = start(WISH, env, allowed=range(16)).env
    assert (got["CCL_LOCAL_RANK"], got["CCL_LOCAL_SIZE"]) == ("1", "2")
    assert "CCL_LOCAL_RANK" not in start(WISH, {"LOCAL_RANK": "1"}, allowed=range(16)).env


def test_binding_can_be_unwanted(start: Callable[..., Started], capsys: pytest.CaptureFixture[str]) -> None:
    started = start({**WISH, "bind": False, "binding": []}, {"LOCAL_RANK": "0"}, allowed=range(16))
    assert started.cpus is None
    assert capsys.readouterr().err == ""


def test_what_is_set_already_stays(start: Callable[..., Started]) -> None:
    env = {"LOCAL_RANK": "0", "RANK": "5", "SLURM_PROCID": "1", "CCL_WORKER_AFFINITY": "7,6"}
    started = start(WISH, env, allowed=range(16))
    assert (started.env["RANK"], started.env["CCL_WORKER_AFFINITY"]) == ("5", "7,6")


@pytest.mark.parametrize(
    ("env", "place"),
    [
        ({"PMI_RANK": "1", "PMI_SIZE": "2", "MPI_LOCALRANKID": "1", "MPI_LOCALNRANKS": "2"}, ("1", "2", "1", "2")),
        (
            {f"OMPI_COMM_WORLD_{name}": text for name, text in zip(
                ("RANK", "SIZE", "LOCAL_RANK", "LOCAL_SIZE"), ("3", "4", "1", "2"), strict=True)},
            ("3", "4", "1", "2"),
        ),
    ],
)  # fmt: skip
def test_the_place_of_a_rank_is_taken_from_its_mpirun(
    start: Callable[..., Started], env: dict[str, str], place: tuple[str, ...]
) -> None:
    started = start(WISH, env, allowed=range(16))
    assert tuple(started.env[name] for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")) == place


def test_libraries_are_preloaded_where_the_node_has_them(
    start: Callable[..., Started], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "libthere.so.4").touch()
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    wish = {**WISH, "preload": ["libthere.so.4", "libnowhere.so"]}
    there = str(tmp_path / "lib" / "libthere.so.4")
    assert start(wish, {}, allowed=[0]).env["LD_PRELOAD"] == there
    assert start(wish, {"LD_PRELOAD": "/x.so"}, allowed=[0]).env["LD_PRELOAD"] == f"/x.so:{there}"
    own = "/opt/libthere.so.4"
    assert start(wish, {"LD_PRELOAD": own}, allowed=[0]).env["LD_PRELOAD"] == own


def test_values_in_the_folder_of_a_package_are_made_on_the_node(
    start: Callable[..., Started], monkeypatch: pytest.MonkeyPatch
) -> None:
    relative = {
        "LD_LIBRARY_PATH": "{package}/lib",
        "PATH": "{package}/bin",
        "CCL_ROOT": "{package}",
        "I_MPI_ROOT": "{package}/mpi",
    }
    wish = {**WISH, "package": "some_package", "relative": relative}
    env = {"LD_LIBRARY_PATH": "/old", "I_MPI_ROOT": "/mine"}
    assert start(wish, env, allowed=[0]).env["LD_LIBRARY_PATH"] == "/old"  # the node has no such package
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: SimpleNamespace(submodule_search_locations=["/p"]))
    got = start(wish, env, allowed=[0]).env
    assert got["PATH"] == "/p/bin"
    assert (got["LD_LIBRARY_PATH"], got["CCL_ROOT"], got["I_MPI_ROOT"]) == ("/p/lib:/old", "/p", "/mine")


def test_the_command_of_a_rank_says_everything_that_the_program_asks_for() -> None:
    command = rank_command(job("pytorchjob"))
    assert command[:2] == ["python", "-c"]
    assert json.loads(command[3]).keys() == WISH.keys()
    assert command[4:] == ["python", "train.py", "--epochs", "3"]
