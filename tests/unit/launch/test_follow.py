"""The lines of a launcher: what is passed on, who failed first, when the job is over."""

from __future__ import annotations

import json
import signal
from typing import Any

from ipexenv.launch.follow import Follower
from ipexenv.launch.overdue import Standing, Watchdog
from tests.unit.launch.test_frames import ending, frame


class FakeOutput:
    """Keeps what it is given."""

    def __init__(self) -> None:
        self.ranks: list[tuple[int, str, bytes]] = []
        self.words: list[str] = []

    def rank(self, rank: int, kind: str, data: bytes) -> None:
        self.ranks.append((rank, kind, data))

    def launcher(self, line: str) -> None:
        self.words.append(line)

    def close(self) -> None:
        return


def follower(size: int = 2) -> tuple[Follower, FakeOutput, list[tuple[Standing, ...]]]:
    output, warned = FakeOutput(), list[tuple[Standing, ...]]()
    watchdog = Watchdog(size=size, insists=False)
    return Follower(output=output, watchdog=watchdog, clock=lambda: 0.0, warn=warned.append), output, warned


def hear(listening: Follower, *texts: str) -> list[bool]:
    return [listening.hear(line) for text in texts for line in text.splitlines()]


def watched(rank: int, number: int, **told: Any) -> str:
    return frame(rank, number, "w", json.dumps(told).encode())


def test_what_ranks_say_is_passed_on_once_and_the_launchers_words_too() -> None:
    listening, output, _ = follower()
    said = frame(1, 0, "o", b"one") + frame(1, 1, "e", b"two\n")
    assert not any(hear(listening, "banner", said, said, "", ending(1, 2)))
    assert output.ranks == [(1, "o", b"one"), (1, "e", b"two\n")]
    assert output.words == ["banner"]
    assert (listening.begun, listening.first_failure()) == ({1}, None)


def test_the_first_failure_ends_the_job_and_its_last_lines_are_kept() -> None:
    listening, output, _ = follower()
    said = frame(1, 0, "e", b"\n".join(b"line %d" % number for number in range(40)))
    assert hear(listening, said, ending(1, 1, 3, host="n2"))[-2:] == [False, True][-2:] or listening.endings
    hear(listening, ending(0, 0, -15, ended=True), "mpirun complains at length")
    failure = listening.first_failure()
    assert failure is not None
    assert (failure.rank, failure.returncode, failure.host) == (1, 3, "n2")
    assert listening.last_lines(1)[-1] == "line 39"
    assert len(listening.last_lines(1)) == 15
    assert (output.words, list(listening.words)) == ([], ["mpirun complains at length"])


def test_a_death_by_signal_is_the_cause_of_errors_that_arrive_before_it() -> None:
    for number, first in ((-signal.SIGKILL, 1), (-signal.SIGTERM, 0)):
        listening, _, _ = follower()
        hear(listening, ending(0, 0, 1), ending(1, 0, number))
        failure = listening.first_failure()
        assert failure is not None
        assert failure.rank == first


def test_documents_that_come_in_pieces_are_joined() -> None:
    listening, _, warned = follower(size=1)
    text = json.dumps({"stage": "started", "moving": True, "for_s": 3, "position": ["x" * 600]}).encode()
    hear(listening, frame(0, 0, "w", text[:300]))
    assert warned == []
    hear(listening, frame(0, 1, "w", text[300:]))
    ((standing,),) = warned
    assert standing.position == ("x" * 600,)


def test_ranks_that_are_late_end_the_job() -> None:
    listening, _, _ = follower()
    heard = hear(listening, watched(0, 0, stage="joining", moving=False), watched(1, 0, stage="started", moving=False))
    assert heard[-1] is True
    assert [late.rank for late in listening.overdue] == [0, 1]


class Clock:
    """Shows what it is set to."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_rank_of_which_nothing_is_heard_is_lost() -> None:
    listening, _, _ = follower()
    listening.clock = clock = Clock()
    assert not listening.is_lost()
    hear(listening, frame(0, 0, "h", b"."), frame(1, 0, "h", b"."))
    for second in range(2, 43, 2):
        clock.now = float(second)
        hear(listening, frame(0, second, "h", b"."))
        assert not listening.is_lost()
    clock.now = 46.0
    assert listening.is_lost()
    assert listening.lost == (1,)


def test_a_rank_that_has_ended_or_a_tool_that_was_stopped_is_no_reason() -> None:
    listening, _, _ = follower()
    listening.clock = clock = Clock()
    listening.is_lost()
    hear(listening, frame(0, 0, "h", b"."), ending(1, 0))
    clock.now = 1000.0
    assert not listening.is_lost()
    assert not listening.is_lost()
    assert listening.lost == ()


def test_a_rank_that_never_begins_is_lost_after_longer() -> None:
    listening, _, _ = follower(size=1)
    listening.clock = clock = Clock()
    for second in range(0, 300, 10):
        clock.now = float(second)
        assert not listening.is_lost()
    clock.now = 301.0
    assert listening.is_lost()
