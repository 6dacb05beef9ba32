"""Ranks that wait for each other do so on different CPUs, and keep the CPU mask that they were given."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from ipexenv.bridge.payload.ipexenv_oneccl_bridge import cpus

if TYPE_CHECKING:
    from collections.abc import Iterator


class Masks:
    """Stands for the kernel: the mask of this thread, and every mask that it was given."""

    def __init__(self) -> None:
        self.now = {2, 5, 7}
        self.given: list[set[int]] = []

    def get(self, _thread: int) -> set[int]:
        return set(self.now)

    def put(self, _thread: int, mask: set[int]) -> None:
        self.given.append(set(mask))
        self.now = set(mask)


@pytest.fixture
def masks(monkeypatch: pytest.MonkeyPatch) -> Iterator[Masks]:
    found = Masks()
    monkeypatch.setattr(os, "sched_getaffinity", found.get)
    monkeypatch.setattr(os, "sched_setaffinity", found.put)
    yield found
    cpus.share(None)


def test_a_rank_goes_to_a_free_cpu_and_may_leave_it_again(masks: Masks) -> None:
    cpus.keep_apart({2})
    assert masks.given == [{5}, {2, 5, 7}]


def test_it_prefers_the_cpu_of_its_own_worker(masks: Masks) -> None:
    cpus.share(7)
    cpus.keep_apart({2})
    assert masks.given == [{7}, {2, 5, 7}]


@pytest.mark.parametrize("taken", [{2, 5, 7}, {1, 2, 5, 7, 9}], ids=["all", "more than all"])
def test_it_stays_where_no_cpu_is_free(masks: Masks, taken: set[int]) -> None:
    cpus.keep_apart(taken)
    assert masks.given == []


def test_a_kernel_that_refuses_is_obeyed(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "sched_setaffinity", refuse)
    cpus.keep_apart(set())
