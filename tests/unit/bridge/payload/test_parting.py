"""Ranks agree over a store whether they destroy their group together, with and without a store that can be asked."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from ipexenv.bridge.payload.ipexenv_oneccl_bridge import asking
from ipexenv.bridge.payload.ipexenv_oneccl_bridge.parting import agreed, stay_for_the_others

LIMIT_S = 30.0


class OldStore:
    """Plays torch's store before 2.4: a key that is not there is waited for, and nothing says whether it is."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.values: dict[str, bytes] = {}

    def set(self, key: str, value: str) -> None:
        with self._lock:
            self.values[key] = value.encode()

    def get(self, key: str) -> bytes:
        with self._lock:
            assert key in self.values, f"{key}: this would wait for ever"
            return self.values[key]

    def add(self, key: str, amount: int) -> int:
        with self._lock:
            number = int(self.values.get(key, b"0")) + amount
            self.values[key] = str(number).encode()
            return number


class Store(OldStore):
    """Plays torch's store from 2.4 on."""

    def check(self, keys: list[str]) -> bool:
        with self._lock:
            return all(key in self.values for key in keys)


@pytest.fixture(params=[OldStore, Store])
def store(request: pytest.FixtureRequest) -> Any:
    return request.param()


def part(store: Any, rank: int, size: int) -> bool:
    together = agreed(store, rank, size, limit_s=LIMIT_S)
    if together:
        stay_for_the_others(store, rank, size, limit_s=LIMIT_S)
    return together


def test_words_that_were_left_are_seen_and_others_are_not(store: Any) -> None:
    asking.put(store, "here", "1")
    assert asking.has(store, "here")
    assert not asking.has(store, "there")
    assert not asking.has(store, "there"), "asking leaves nothing"
    assert store.get("here") == b"1"


def test_ranks_that_all_come_part_together(store: Any) -> None:
    with ThreadPoolExecutor(3) as ranks:
        assert list(ranks.map(lambda rank: part(store, rank, 3), range(3))) == [True] * 3


def test_a_rank_whose_leader_never_comes_parts_alone(store: Any) -> None:
    assert not agreed(store, 1, 2, limit_s=0)


def test_a_leader_whose_rank_never_comes_parts_alone(store: Any) -> None:
    assert not agreed(store, 0, 2, limit_s=0)


@pytest.mark.parametrize("first", [0, 1])
def test_what_the_first_rank_decided_holds_for_the_one_that_comes_later(first: int, store: Any) -> None:
    assert not agreed(store, first, 2, limit_s=0)
    assert not agreed(store, 1 - first, 2, limit_s=0)
