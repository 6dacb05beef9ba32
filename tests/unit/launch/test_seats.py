"""Which rank sits where."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipexenv.errors import UsageError
from ipexenv.launch.hostfile import HostEntry
from ipexenv.launch.seats import hosts_of, seat_ranks


def hosts(*slots: int | None) -> list[HostEntry]:
    return [HostEntry(name=f"n{number}", slots=count) for number, count in enumerate(slots)]


def places(*slots: int | None, per_host: int | None = None, total: int | None = None) -> list[tuple[str, int, int]]:
    seats = seat_ranks(hosts(*slots), per_host=per_host, total=total)
    assert [seat.rank for seat in seats] == list(range(len(seats)))
    return [(seat.host, seat.local_rank, seat.local_size) for seat in seats]


def test_a_host_takes_what_its_line_says_or_one() -> None:
    assert places(2, None) == [("n0", 0, 2), ("n0", 1, 2), ("n1", 0, 1)]


def test_ppn_overrules_the_file_and_nproc_ends_the_filling() -> None:
    assert places(5, None, per_host=2) == [("n0", 0, 2), ("n0", 1, 2), ("n1", 0, 2), ("n1", 1, 2)]
    assert places(2, 2, 2, total=3) == [("n0", 0, 2), ("n0", 1, 2), ("n1", 0, 1)]
    assert hosts_of(seat_ranks(hosts(2, 2, 2), total=3)) == ("n0", "n1")


def test_too_many_ranks_find_no_room() -> None:
    with pytest.raises(UsageError, match=r"--nproc 4 does not fit: the hostfile has room for 3 rank\(s\) on 2 host"):
        places(2, None, total=4)


@given(st.lists(st.none() | st.integers(1, 9), min_size=1, max_size=9), st.none() | st.integers(1, 9), st.data())
def test_every_seat_is_taken_once(slots: list[int | None], per_host: int | None, data: st.DataObject) -> None:
    room = sum(per_host or count or 1 for count in slots)
    total = data.draw(st.none() | st.integers(1, room))
    found = places(*slots, per_host=per_host, total=total)
    assert len(set(found)) == len(found) == (total or room)
    for host in {host for host, _, _ in found}:
        own = [(local, size) for name, local, size in found if name == host]
        assert own == [(number, len(own)) for number in range(len(own))]
