"""What the user asks for becomes a job that says the same to every scheduler."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from ipexenv.errors import UsageError
from ipexenv.facts import Topology
from ipexenv.launch.emit import emit
from ipexenv.launch.emit.demand import demand_of
from ipexenv.launch.emit.job import node_view
from ipexenv.launch.emit.model import KINDS, EmitJob, Volume
from ipexenv.launch.run_words import Started
from ipexenv.launch.setting import Libraries, RunWish
from ipexenv.launch.settings import choose_settings
from tests.unit.launch.emit.making import CONTAINERS, VIEW, job, options

if TYPE_CHECKING:
    from ipexenv.launch.emit.model import EmitKind
    from ipexenv.launch.run_words import Kind
    from ipexenv.outcome import CclProvider


def values(made: EmitJob) -> dict[str, str]:
    return {setting.name: setting.value for setting in made.environment}


def test_a_node_is_as_this_machine_where_nothing_is_said() -> None:
    made = job("slurm")
    assert (made.cpus_per_rank, made.cpus_per_node, made.world_size) == (4, 8, 4)
    assert values(made)["OMP_NUM_THREADS"] == "3"
    assert made.notes == ("4 cores for each rank, as on this machine; `--cpus-per-rank N` says otherwise",)


def test_the_cores_of_a_rank_can_be_said() -> None:
    made = job("slurm", "--cpus-per-rank", "28")
    assert (made.cpus_per_node, values(made)["OMP_NUM_THREADS"]) == (56, "27")
    assert made.notes == ()


def test_no_rank_without_a_core() -> None:
    assert job("slurm", nodes=1, ranks=32).cpus_per_rank == 1
    with pytest.raises(UsageError, match="--cpus-per-rank"):
        job("slurm", "--cpus-per-rank", "-1")


def test_compose_shares_this_machine_among_all_ranks() -> None:
    made = job("compose")
    assert made.cpus_per_rank == 2
    assert made.cpusets == ((0, 1), (2, 3), (4, 5), (6, 7))
    crowded = job("compose", nodes=2, ranks=8)
    assert (crowded.cpusets, crowded.notes[-1][:23]) == ((), "the ranks are not bound")
    assert job("compose", "--cpus-per-rank", "1").cpusets == ((0,), (2,), (4,), (6,))


def test_settings_that_depend_on_the_node_are_left_to_it() -> None:
    for kind in KINDS:
        made = job(kind)
        everywhere = {"OMP_NUM_THREADS", "CCL_WORKER_COUNT", "OMP_PROC_BIND", "PYTHONUNBUFFERED"}
        assert values(made).keys() == everywhere | ({"I_MPI_ROOT"} if kind == "slurm" else set())
        placing = made.placing
        assert placing.preload == ("libtcmalloc.so.4",)
        assert placing.package == "oneccl_bindings_for_pytorch"
        assert placing.relative == (("LD_LIBRARY_PATH", "{package}/lib:{package}/opt/lib"),)
        assert placing.binding == ("OMP_PROC_BIND",)


def test_the_user_s_variables_win() -> None:
    made = job("pytorchjob", env={"OMP_NUM_THREADS": "5", "OMP_PROC_BIND": "spread"})
    assert values(made)["OMP_NUM_THREADS"] == "5"
    assert not made.placing.fit_threads
    assert made.placing.binding == ()
    assert not job("slurm", wish=RunWish(threads=3)).placing.fit_threads


def test_what_is_given_with_env_goes_in_whatever_it_is() -> None:
    more = {"GLOO_SOCKET_IFNAME": "ib0", "LD_LIBRARY_PATH": "/opt/x", "OMP_NUM_THREADS": "2", "WANDB_MODE": "offline"}
    made = job("pytorchjob", more=more)
    assert values(made).items() >= more.items()
    assert made.placing.relative == ()
    assert [setting.name for setting in made.environment].count("OMP_NUM_THREADS") == 1


def test_a_secret_that_would_stand_in_the_file_is_pointed_out() -> None:
    made = job("slurm", "--cpus-per-rank", "2", more={"HF_TOKEN": "hf_x", "KMP_BLOCKTIME": "0"})
    assert [note.split()[0] for note in made.notes] == ["HF_TOKEN"]
    assert "hf_x" not in made.notes[0]


def test_the_interpreter_is_the_one_that_the_user_named_where_it_can_be() -> None:
    assert job("slurm").command == ("python", "train.py", "--epochs", "3")
    assert job("slurm", script=("team.train", "-x"), started="module").command == ("python", "-m", "team.train", "-x")
    assert job("slurm", script=("accelerate", "launch"), started="program").command == ("accelerate", "launch")
    assert job("slurm", python="/shared/env/bin/python").command[0] == "/shared/env/bin/python"
    assert job("pytorchjob", python="/shared/env/bin/python").command[0] == "python"


@pytest.mark.parametrize(
    ("provider", "cores", "reserved", "shared"),
    [("none", 28, 0, 0), ("bindings", 28, 3, 0), ("bindings", 2, 0, 1), ("bridge", 28, 1, 0), ("bridge", 2, 0, 0)],
)
def test_workers_of_oneccl_get_cores_by_the_rules_of_run(
    provider: CclProvider, cores: int, reserved: int, shared: int
) -> None:
    made = job("slurm", "--cpus-per-rank", str(cores), wish=RunWish(provider=provider), choose=choose_settings)
    assert (made.placing.reserved, made.placing.shared) == (reserved, shared)
    assert values(made)["OMP_NUM_THREADS"] == str(cores - reserved)


@pytest.mark.parametrize("kind", KINDS)
def test_what_run_chooses_for_the_bindings_holds_without_any_path_of_this_machine(kind: EmitKind) -> None:
    env = {"PATH": "/home/me/bin:/usr/bin", "LD_LIBRARY_PATH": "/home/me/lib"}
    made = job(kind, "--cpus-per-rank", "14", env=env, choose=choose_settings)
    assert values(made).keys() >= {"OMP_NUM_THREADS", "CCL_WORKER_COUNT", "CCL_ATL_TRANSPORT"}
    assert values(made)["CCL_ATL_TRANSPORT"] == ("mpi" if kind == "mpijob" else "ofi")
    assert dict(made.placing.relative).keys() >= {"CCL_ROOT", "I_MPI_ROOT"}
    assert "/home/me" not in emit(kind, made)


def test_one_node_talks_to_itself_over_loopback() -> None:
    assert values(job("slurm", nodes=1, choose=choose_settings))["GLOO_SOCKET_IFNAME"] == "lo"
    assert "GLOO_SOCKET_IFNAME" not in values(job("slurm", nodes=2, choose=choose_settings))


def test_threads_are_tied_to_cores_where_intel_s_openmp_is_loaded() -> None:
    assert job("slurm").placing.kmp_affinity is None
    intel = replace(VIEW, libraries=Libraries(openmp="gnu", iomp5="/home/me/env/lib/libiomp5.so"))
    made = job("slurm", view=intel, choose=choose_settings)
    assert made.placing.kmp_affinity == "granularity=fine,compact,1,0"
    assert made.placing.preload == ("libiomp5.so",)


def test_paths_of_this_machine_are_pointed_out_where_a_container_may_not_have_them() -> None:
    script = ("/home/me/train.py", "--data", "/data/squad", "--out=/data/out")
    made = job("pytorchjob", "--cpus-per-rank", "2", "--pvc", "squad:/data", script=script)
    assert [note.split()[0] for note in made.notes if "/home" in note or "/data" in note] == ["/home/me/train.py"]
    assert made.demand.volume == Volume(claim="squad", path="/data")
    assert made.demand.working_directory == "/data"
    assert job("slurm", "--cpus-per-rank", "2", script=script).notes == ()
    next_to_it = job("pytorchjob", "--cpus-per-rank", "2", "--pvc", "squad:/data", script=("/database/train.py",))
    assert any("/database/train.py" in note for note in next_to_it.notes)


@pytest.mark.parametrize(
    ("started", "word", "name"),
    [
        ("script", "train.py", "train"),
        ("script", "/a/My_Run.v2.py", "my-run-v2"),
        ("module", "team.train", "team-train"),
        ("script", "7.py", "job-7"),
    ],
)
def test_a_job_is_called_by_its_script(started: Kind, word: str, name: str) -> None:
    assert job("pytorchjob", script=(word,), started=started).demand.name == name


def test_names_leave_room_for_what_pods_are_called() -> None:
    assert job("mpijob", "--name", "a" * 54).demand.name == "a" * 54
    with pytest.raises(UsageError, match="--name"):
        job("mpijob", "--name", "a" * 55)
    assert job("slurm", "--name", "My_Run.2").demand.name == "My_Run.2"


@pytest.mark.parametrize(
    ("kind", "words", "named"),
    [
        ("slurm", ("--image", "x"), "--image"),
        ("slurm", ("--node-selector", "a=b"), "--node-selector"),
        ("pytorchjob", ("--partition", "all"), "--partition"),
        ("compose", ("--namespace", "ml"), "--namespace"),
        ("compose", ("--time", "30"), "--time"),
        ("pytorchjob", ("--pvc", "data"), "--pvc"),
        ("pytorchjob", ("--pvc", "data:relative"), "--pvc"),
        ("pytorchjob", ("--workdir", "relative"), "--workdir"),
    ],
)
def test_an_option_that_would_be_passed_over_or_cannot_be_is_refused(
    kind: str, words: tuple[str, ...], named: str
) -> None:
    with pytest.raises(UsageError) as caught:
        job(kind, *words)
    assert named in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(("kind", "missing"), [("pytorchjob", "image"), ("mpijob", "memory"), ("compose", "image")])
def test_what_a_scheduler_cannot_do_without_is_asked_for(kind: str, missing: str) -> None:
    words = CONTAINERS[2:] if missing == "image" else CONTAINERS[:2]
    asked = options("--emit", kind, *words)
    with pytest.raises(UsageError) as caught:
        demand_of(asked, Started(kind="script", words=("train.py",)), 1)
    assert caught.value.code == f"no-{missing}"
    assert f"--{missing}" in str(caught.value.hint)


def test_of_a_node_counts_alone_are_known() -> None:
    topology = node_view(VIEW, 28, 2).host.topology
    assert topology == Topology(
        sockets=1, numa_nodes=1, physical_cores=56, logical_cpus=56, usable_cores=56, usable_cpus=(), units=()
    )
