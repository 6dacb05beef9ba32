from __future__ import annotations

import pytest

from ipexenv.facts import ProcessingUnit, Topology
from ipexenv.launch.layout import default_ranks, domains_of, room_of, split_cores
from ipexenv.launch.masks import cpu_list
from tests.machines import made


def shares(topology: Topology, ranks: int) -> list[str]:
    return [cpu_list(core.cpus[0] for core in share) for share in split_cores(room_of(topology).cores, ranks)]


@pytest.mark.parametrize(
    ("topology", "ranks"),
    [
        (made(1, 1), 1),
        (made(2, 28, threads=2), 2),
        (made(2, 28, numa=False), 2),  # a kernel without NUMA: sockets stand in
        (made(2, 4, usable=range(6)), 1),  # 4 and 2 cores are left: two ranks would do the work of 2 + 2
        (made(2, 4, usable=range(7)), 2),  # 4 and 3: nothing much is lost
        (made(4, 2, usable=(0, 1, 2, 4, 6)), 4),  # 2, 1, 1, 1 cores: 4 of 5 at work
        (made(2, 28, quota=6.5), 1),
        (made(2, 28, quota=28), 1),
        (made(2, 28, quota=29), 2),
        (made(2, 28, quota=0.5), 1),
        (made(2, 28, quota=200), 2),
    ],
)
def test_one_rank_for_each_node_that_the_work_can_fill(topology: Topology, ranks: int) -> None:
    assert default_ranks(room_of(topology)) == ranks


@pytest.mark.parametrize(
    ("ranks", "expected"),
    [
        (1, ["0-7"]),
        (2, ["0-3", "4-7"]),
        (4, ["0-1", "2-3", "4-5", "6-7"]),
        (3, ["0-1", "2-3", "4-5"]),  # 6 and 7 stay free
        (8, ["0", "1", "2", "3", "4", "5", "6", "7"]),
        (10, ["0", "1", "2", "3", "4", "5", "6", "7", "0", "1"]),
    ],
)
def test_cores_are_split_evenly(ranks: int, expected: list[str]) -> None:
    assert shares(made(2, 4), ranks) == expected


def test_four_nodes_for_two_ranks_go_in_pairs() -> None:
    assert shares(made(4, 3), 2) == ["0-5", "6-11"]


def test_a_small_node_is_not_split_among_more_ranks_than_it_has_cores() -> None:
    topology = made(2, 4, usable=(0, 1, 2, 3, 4))
    assert shares(topology, 4) == ["0", "1", "2", "3"]


def test_alternating_numbers_keep_to_their_sockets() -> None:
    units = tuple(ProcessingUnit(unit=unit, core=unit, socket=unit % 2, numa_node=unit % 2) for unit in range(8))
    topology = Topology(units=units, usable_cpus=tuple(range(8)))
    assert shares(topology, 2) == ["0,2,4,6", "1,3,5,7"]


def test_slow_cores_stay_idle_unless_there_are_no_others() -> None:
    units = tuple(ProcessingUnit(unit=unit, core=unit, numa_node=0, efficient=unit > 1) for unit in range(4))
    assert [core.cpus for core in room_of(Topology(units=units)).cores] == [(0,), (1,)]
    slow_alone = Topology(units=units, usable_cpus=(2, 3))
    assert [core.cpus for core in room_of(slow_alone).cores] == [(2,), (3,)]


def test_a_core_of_which_one_thread_is_allowed_counts() -> None:
    room = room_of(made(1, 2, threads=2, usable=(1, 2, 3)))
    assert [core.cpus for core in room.cores] == [(1, 3), (2,)]
    assert len(domains_of(room.cores)) == 1


@pytest.mark.parametrize(
    ("topology", "count", "known"),
    [
        (Topology(usable_cpus=(3, 5), usable_cores=2), 2, True),
        (Topology(usable_cpus=(0, 1, 2, 3), usable_cores=2), 2, False),  # which are siblings is not known
        (Topology(physical_cores=4), 4, False),
        (Topology(), 1, False),
    ],
)
def test_counts_alone_give_a_number_of_cores(topology: Topology, count: int, *, known: bool) -> None:
    room = room_of(topology)
    assert (len(room.cores), room.known) == (count, known)
