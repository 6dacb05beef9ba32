from __future__ import annotations

import pytest

from ipexenv.launch.layout import Core
from ipexenv.launch.workers import plan_workers, reserved_cpus, shared_cpus

CORES = tuple(Core(cpus=(cpu, cpu + 4), domain=(0, 0)) for cpu in range(4))
PLAIN = tuple(Core(cpus=(cpu,), domain=(0, 0)) for cpu in range(4))


@pytest.mark.parametrize(
    ("provider", "cores", "count", "reserved"),
    [
        ("none", 28, 0, False),
        ("bindings", 1, 1, False),
        ("bindings", 3, 1, False),
        ("bindings", 4, 1, True),
        ("bindings", 16, 2, True),
        ("bindings", 28, 3, True),
        ("bindings", 64, 4, True),
        ("bridge", 2, 1, False),
        ("bridge", 4, 1, True),
        ("bridge", 64, 1, True),
    ],
)
def test_a_core_is_given_up_where_there_are_enough(provider: str, cores: int, count: int, *, reserved: bool) -> None:
    workers = plan_workers(provider, cores)  # type: ignore[arg-type]  # the names above
    assert (workers.count, workers.reserved) == (count, reserved)
    assert workers.reason


def test_a_single_rank_gives_nothing_up() -> None:
    assert not plan_workers("bridge", 28, alone=True).reserved


@pytest.mark.parametrize(
    ("asked", "threads", "count", "reserved"),
    [
        (4, None, 4, True),
        (0, None, 1, False),
        (8, None, 8, False),
        (7, None, 7, True),
        (4, 4, 4, True),
        (4, 5, 4, False),
    ],
)
def test_what_is_asked_for_counts(asked: int, threads: int | None, count: int, *, reserved: bool) -> None:
    workers = plan_workers("bindings", 8, asked=asked, threads=threads)
    assert (workers.count, workers.reserved) == (count, reserved)


def test_threads_that_need_all_cores_leave_none_to_the_worker() -> None:
    assert plan_workers("bindings", 32, threads=29).count == 1
    assert not plan_workers("bindings", 32, threads=29).reserved


def test_reserved_workers_have_the_first_cores() -> None:
    assert reserved_cpus(CORES, 2) == (0, 1)


def test_shared_workers_take_idle_hyper_threads_first_then_the_last_cpus() -> None:
    assert shared_cpus(CORES, (0, 1, 2, 3), 2) == (7, 6)
    assert shared_cpus(PLAIN, (0, 1, 2, 3), 2) == (3, 2)
    assert shared_cpus(PLAIN[:1], (0,), 3) == (0, 0, 0)
    assert shared_cpus(PLAIN[:1], (), 1) == (0,)
