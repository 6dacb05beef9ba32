"""What Slurm has given, and how srun is told to share it out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipexenv.launch.hostfile import HostEntry
from ipexenv.launch.seats import seat_ranks
from ipexenv.launch.slurm import (
    Allocation,
    expand_nodes,
    host_lines,
    repeated,
    srun_command,
    srun_environment,
)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("one", ("one",)),
        ("one,two", ("one", "two")),
        ("cpu[01-03,7],login", ("cpu01", "cpu02", "cpu03", "cpu7", "login")),
        ("r[1-2]n[1-2]", ("r1n1", "r1n2", "r2n1", "r2n2")),
        ("r[1-2]-ib", ("r1-ib", "r2-ib")),
        ("", ()),
    ],
)
def test_lists_of_nodes(text: str, names: tuple[str, ...]) -> None:
    assert expand_nodes(text) == names


@given(st.text(max_size=30))
def test_no_list_breaks_the_reading(text: str) -> None:
    expand_nodes(text)
    repeated(text)


def test_tasks_count_only_where_somebody_asked_for_them() -> None:
    env = {"SLURM_JOB_ID": "7", "SLURM_JOB_NODELIST": "n[1-3]", "SLURM_TASKS_PER_NODE": "2(x2),1"}
    free = Allocation.of(env)
    asked = Allocation.of({**env, "SLURM_NTASKS": "5"})
    assert free is not None
    assert asked is not None
    assert [node.slots for node in free.nodes] == [None, None, None]
    assert [(node.name, node.slots) for node in asked.nodes] == [("n1", 2), ("n2", 2), ("n3", 1)]
    assert Allocation.of({**env, "SLURM_NTASKS": "5", "SLURM_TASKS_PER_NODE": "odd"}) == free
    assert Allocation.of({"SLURM_JOB_ID": "7"}) is None
    assert Allocation.of({"SLURM_JOB_NODELIST": "n1"}) is None


def test_srun_puts_ranks_where_their_seats_are() -> None:
    even = seat_ranks([HostEntry(name="a", slots=2), HostEntry(name="b", slots=2)])
    words = " ".join(srun_command("/bin/srun", even, ["x"]))
    assert words.startswith("/bin/srun -N 2 -n 4 -w a,b --ntasks-per-node 2 --distribution block ")
    assert words.endswith(" --kill-on-bad-exit=1 --input=none x")
    uneven = seat_ranks([HostEntry(name="a", slots=2), HostEntry(name="b", slots=1)])
    assert "--distribution arbitrary" in " ".join(srun_command("/bin/srun", uneven, ["x"]))
    assert host_lines(uneven) == "a\na\nb\n"


def test_an_outer_step_says_nothing_about_ours() -> None:
    env = {"SLURM_JOB_ID": "7", "SLURM_NTASKS": "9", "SLURM_CPU_BIND_TYPE": "mask", "HOME": "/h"}
    assert srun_environment(env, None) == {"SLURM_JOB_ID": "7", "HOME": "/h"}
    assert srun_environment(env, "/f")["SLURM_HOSTFILE"] == "/f"
