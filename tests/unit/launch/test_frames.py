"""What keepers send back comes whole through noise, mixing and tearing."""

from __future__ import annotations

import base64
import json
import random
import zlib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ipexenv.launch.frames import Passed, read_frames, tells_failure
from tests.fakes import finished


def frame(rank: int, number: int, kind: str, data: bytes) -> str:
    head = f"{rank} {number} {kind} {base64.b64encode(data).decode()}"
    return f"\n@ipexenv {head} {zlib.crc32(head.encode()):08x}\n"


def ending(rank: int, number: int, returncode: int = 0, **more: Any) -> str:
    how = {"returncode": returncode, "timed_out": False, "ended": False, "seconds": 1.5, **more}
    return frame(rank, number, "x", json.dumps(how).encode())


def test_each_rank_is_heard_whatever_lies_between() -> None:
    text = "banner\n" + frame(0, 0, "a", b"one\n") + "noise" + frame(1, 0, "o", b"hello\n") + frame(0, 1, "a", b"two\n")
    said, rest = read_frames(text + frame(1, 1, "e", "é".encode()) + ending(1, 2, -9) + "last words")
    assert said[0] == Passed(answer=b"one\ntwo\n")
    assert (said[1].stdout, said[1].stderr) == ("hello\n", "é")
    assert rest.splitlines() == ["banner", "noise", "last words"]
    assert (said[1].finished(finished()).returncode, said[1].finished(finished()).seconds) == (-9, 1.5)


def test_a_frame_that_was_torn_apart_is_replaced_by_its_second_copy() -> None:
    whole = frame(3, 0, "a", b"x" * 900)
    torn = whole[:400] + frame(2, 0, "a", b"other") + whole[400:]
    assert 3 not in read_frames(torn)[0]
    said, rest = read_frames(torn + whole)
    assert (said[2].answer, said[3].answer) == (b"other", b"x" * 900)
    assert "@ipexenv" not in rest


def test_a_rank_that_never_said_how_it_ended_ended_with_its_launcher() -> None:
    launcher = finished(255, timed_out=True)
    told = Passed(answer=b"a").finished(launcher)
    assert (told.returncode, told.timed_out, told.answer) == (255, True, b"a")


def test_a_failure_is_known_from_its_line() -> None:
    assert tells_failure(ending(1, 7, 1).strip())
    assert tells_failure("noise " + ending(1, 7, -11).strip())
    assert not tells_failure(ending(1, 7, 0).strip())
    assert not tells_failure(frame(1, 2, "a", b"{}").strip())
    assert not tells_failure("anything")


@given(st.binary(max_size=60), st.binary(max_size=60), st.text(max_size=40), st.integers(0, 2**32))
def test_order_and_repetition_do_not_matter(one: bytes, other: bytes, noise: str, seed: int) -> None:
    pieces = [frame(0, 0, "a", one), frame(0, 1, "a", other), frame(1, 0, "a", other)] * 2
    random.Random(seed).shuffle(pieces)  # noqa: S311 (not a secret)
    said, _ = read_frames(noise.join(pieces))
    assert (said[0].answer, said[1].answer) == (one + other, other)


@given(st.text())
def test_no_text_breaks_the_reading(text: str) -> None:
    read_frames(text)
    read_frames(f"@ipexenv {text}")
    tells_failure(frame(0, 0, "x", text.encode("utf-8", "surrogatepass")))
