"""Command lines of a run under each back end, and their twins that can be pasted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ipexenv.launch.hostfile import HostEntry
from ipexenv.launch.mpirun import Mpirun
from ipexenv.launch.pasted import pasted
from ipexenv.launch.run_start import BackEnd, RunJob, bound_to, command_of, host_file_text, start
from ipexenv.launch.seats import seat_ranks
from ipexenv.launch.setting import HostPlacement, RankPlace, Setting
from ipexenv.launch.start import Meeting
from tests.unit.launch.test_follow import follower
from tests.unit.launch.test_start import order_in, world

HYDRA = Mpirun(path="/m/mpirun", flavour="hydra")
OPEN_MPI = Mpirun(path="/o/mpirun", flavour="openmpi")


def setting(name: str, value: str, *, by_user: bool = False) -> Setting:
    return Setting(name=name, value=value, reason="because", by_user=by_user)


def placement(host: str, masks: str | None = "[3,c]", *, nodes: tuple[int, ...] = ()) -> HostPlacement:
    shared = [setting("OMP_NUM_THREADS", "2"), setting("KMP_BLOCKTIME", "9", by_user=True)]
    if masks is not None:
        shared.append(setting("I_MPI_PIN_DOMAIN", masks))
    ranks = tuple(
        RankPlace(
            local_rank=rank,
            cpus=(4 * rank, 4 * rank + 1, 4 * rank + 2),
            compute_cpus=(4 * rank, 4 * rank + 1),
            numa_nodes=nodes,
            settings=(setting("OWN", str(rank)),),
        )
        for rank in range(2)
    )
    return HostPlacement(host=host, ranks=ranks, settings=tuple(shared))


def job(back_end: BackEnd = "mpirun", mpirun: Mpirun | None = HYDRA, *, count: int = 2, **more: Any) -> RunJob:
    names = ["a", "b"][: count // 2] or ["a"]
    seats = seat_ranks([HostEntry(name=name, slots=min(2, count)) for name in names])
    parts: dict[str, Any] = {
        "back_end": back_end,
        "python": "/env/bin/python",
        "command": ("/env/bin/python", "it's.py"),
        "directory": "/work dir",
        "env": {"PATH": "/bin", "KMP_BLOCKTIME": "9"},
        "more": {"MINE": "$x"},
        "seats": seats,
        "placements": tuple(placement(name) for name in names),
        "meeting": Meeting(address="10.0.0.1", port=29500),
        "mark": "abc",
        "mpirun": mpirun,
        "srun": "/s/srun",
        **more,
    }
    return RunJob(**parts)


def test_hydra_binds_as_the_keepers_do_where_all_hosts_are_alike() -> None:
    _, env = command_of(job(count=4), ["x"], "/f")
    assert (env["I_MPI_PIN_DOMAIN"], "I_MPI_PIN" in env) == ("[3,c]", False)
    unlike = job(count=4, placements=(placement("a"), placement("b", "[1,2]")))
    _, env = command_of(unlike, ["x"], "/f")
    assert (env["I_MPI_PIN"], "I_MPI_PIN_DOMAIN" in env) == ("0", False)
    assert bound_to(unlike, unlike.placements[0].ranks[1]) == (4, 5)


def test_the_users_own_pinning_is_left_alone() -> None:
    own = job(env={"I_MPI_PIN_DOMAIN": "socket"})
    _, env = command_of(own, ["x"], "/f")
    assert env["I_MPI_PIN_DOMAIN"] == "socket"
    assert bound_to(own, own.placements[0].ranks[0]) == ()
    assert bound_to(job(mpirun=OPEN_MPI), own.placements[0].ranks[0]) == (0, 1, 2)


def test_orders_hold_what_each_host_is_given() -> None:
    outside, group = world()
    listening, _, _ = follower()
    group.endings = [object()]  # type: ignore[list-item]  # nobody looks at it
    start(outside, job("srun", None, count=4, hook="HOOK", watch_limit_s=9.0), listening)
    (program,) = group.programs
    assert (program.argv[0], program.guarded) == ("/s/srun", True)
    order = order_in(program.argv[-1])
    assert order["rank_variables"] == ["SLURM_PROCID"]
    assert order["hosts"]["b"]["ranks"][1] == {"env": {"OWN": "1"}, "cpus": [4, 5, 6], "nodes": []}
    assert "KMP_BLOCKTIME" not in order["hosts"]["b"]["env"]
    assert (order["command"], order["directory"], order["more"]) == (
        ["/env/bin/python", "it's.py"],
        "/work dir",
        {"MINE": "$x"},
    )
    assert order["watch"] == {"hook": "HOOK", "limit_s": 9.0}
    assert order["env"] == {}


def test_open_mpi_carries_the_users_variables_and_torchrun_has_its_own_names() -> None:
    for running, key, value in (
        (job(mpirun=OPEN_MPI), "env", {"PATH": "/bin", "KMP_BLOCKTIME": "9"}),
        (job("torchrun", None), "rank_variables", ["RANK"]),
    ):
        outside, group = world()
        group.endings = [object()]  # type: ignore[list-item]  # as above
        start(outside, running, follower()[0])
        assert order_in(group.programs[0].argv[-1])[key] == value


def test_a_single_rank_can_be_pasted() -> None:
    text = pasted(job("none", None, count=1, placements=(placement("a", None, nodes=(0, 1)),)))
    assert text == (
        "env OMP_NUM_THREADS=2 OWN=0 MINE='$x' RANK=0 WORLD_SIZE=1 LOCAL_RANK=0 LOCAL_WORLD_SIZE=1 "
        "MASTER_ADDR=10.0.0.1 MASTER_PORT=29500 numactl --physcpubind=0,1,2 --membind=0,1 "
        "/env/bin/python 'it'\"'\"'s.py'\n"
    )


def test_a_single_rank_that_nobody_counted_is_no_rank_of_a_launchers() -> None:
    alone = job("none", None, count=1, placements=(placement("a", None),), is_counted=False)
    assert alone.place_of(alone.seats[0]) == {
        "RANK": "0",
        "WORLD_SIZE": "1",
        "MASTER_ADDR": "10.0.0.1",
        "MASTER_PORT": "29500",
    }
    assert "LOCAL_RANK" not in pasted(alone)
    two = job(is_counted=False)
    assert two.place_of(two.seats[1])["LOCAL_RANK"] == "1"


@pytest.mark.parametrize(
    ("running", "first", "case"),
    [
        (job(count=4), "printf 'a:2\\nb:2\\n' > ipexenv-hosts", 'case "$PMI_RANK" in'),
        (job(mpirun=OPEN_MPI), "printf 'a slots=2\\n' > ipexenv-hosts", 'case "$OMPI_COMM_WORLD_RANK" in'),
        (job("srun", None), "/s/srun -N 1 -n 2 -w a --ntasks-per-node 2", 'case "$SLURM_PROCID" in'),
        (job("torchrun", None), "env OMP_NUM_THREADS=2 /env/bin/python -m torch.distributed.run", 'case "$RANK" in'),
    ],
)
def test_several_ranks_can_be_pasted(running: RunJob, first: str, case: str) -> None:
    text = pasted(running)
    assert text.startswith(first)
    assert f"\n{case}\n" in text
    assert "export OMP_NUM_THREADS=2\n" in text
    assert "1) export OWN=1 RANK=1 LOCAL_RANK=1; exec " in text


def test_uneven_hosts_get_a_file_from_srun() -> None:
    seats = seat_ranks([HostEntry(name="a", slots=2), HostEntry(name="b", slots=1)])
    uneven = replace(job("srun", None, count=4), seats=seats)
    assert host_file_text(uneven) == "a\na\nb\n"
    assert "SLURM_HOSTFILE=ipexenv-hosts" in pasted(uneven)
