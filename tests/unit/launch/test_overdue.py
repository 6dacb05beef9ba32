"""When the watchdog barks, and at whom."""

from __future__ import annotations

from ipexenv.launch.overdue import PATIENCE_S, Standing, Watchdog


def at(rank: int, stage: str, *, moving: bool | None = False) -> Standing:
    return Standing(rank=rank, stage=stage, for_s=12.3, moving=moving, position=("File x, line 1",))


def test_a_hang_in_the_first_collective_ends_the_job() -> None:
    dog = Watchdog(size=2, insists=False)
    assert dog.hear(at(0, "collective"), 0) == "wait"  # the other one may be through
    assert dog.hear(at(1, "ready"), 1) == "end"
    assert [late.rank for late in dog.late()] == [0, 1]


def test_a_silent_rank_is_waited_for_and_then_named() -> None:
    dog = Watchdog(size=2, insists=False)
    assert dog.hear(at(0, "joining"), 0) == "wait"
    assert dog.hear(at(0, "joining"), PATIENCE_S - 1) == "wait"
    assert dog.hear(at(0, "joining"), PATIENCE_S) == "end"
    assert [late.words for late in dog.late()] == [
        "it waits in init_process_group, for 12 s, at File x, line 1",
        "no Python has begun there, for 0 s",
    ]


def test_who_is_through_is_not_late() -> None:
    dog = Watchdog(size=2, insists=True)
    assert dog.hear(at(0, "done", moving=None), 0) == "wait"
    assert dog.hear(at(1, "collective"), 1) == "end"
    assert [late.rank for late in dog.late()] == [1]
    assert dog.late({1}) == ()
    assert dog.hear(at(1, "done"), 2) == "wait"


def test_a_rank_that_prepares_data_for_the_others_is_warned_of_once() -> None:
    dog = Watchdog(size=2, insists=False)
    dog.hear(at(1, "collective"), 0)
    assert dog.hear(at(0, "ready", moving=True), 1) == "warn"
    assert dog.hear(at(0, "ready", moving=True), 6) == "wait"
    assert dog.hear(at(0, "ready", moving=False), 11) == "end"


def test_a_job_that_never_wants_to_communicate_goes_on_unless_the_user_insists() -> None:
    lenient, strict = Watchdog(size=1, insists=False), Watchdog(size=1, insists=True)
    assert lenient.hear(at(0, "started", moving=True), 0) == "warn"
    assert lenient.hear(at(0, "started"), 1) == "wait"
    assert strict.hear(at(0, "started", moving=True), 0) == "end"


def test_odd_words_of_a_keeper_are_read() -> None:
    assert Standing.of(3, {}) == Standing(rank=3)
    assert Standing.of(3, {"stage": "ready", "for_s": 2, "position": ["a"]}).position == ("a",)
