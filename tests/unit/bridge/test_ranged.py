from __future__ import annotations

import io
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipexenv.bridge.archive import WrongFileError
from ipexenv.bridge.ranged import RangedFile
from tests.unit.bridge.parts import noise

CONTENT = noise(7, 1_000_000)


class Server:
    """Serves parts of a content and counts."""

    def __init__(self, content: bytes = CONTENT) -> None:
        self.content = content
        self.asked: list[tuple[int, int]] = []

    def fetch(self, start: int, size_bytes: int) -> bytes:
        self.asked.append((start, size_bytes))
        return self.content[start : start + size_bytes]

    def open(self, *, limit_bytes: int = 1 << 30) -> RangedFile:
        return RangedFile(self.fetch, size_bytes=len(self.content), limit_bytes=limit_bytes)


def test_the_end_is_fetched_at_once_and_read_from_then_on() -> None:
    server = Server()
    file = server.open()
    file.seek(-22, os.SEEK_END)
    assert file.read() == CONTENT[-22:]
    assert file.seek(-60_000, os.SEEK_END) == len(CONTENT) - 60_000
    assert file.read(1000) == CONTENT[-60_000:-59_000]
    assert server.asked == [(len(CONTENT) - 65536, 65536)]


def test_what_lies_close_together_comes_in_one_request() -> None:
    server = Server()
    file = server.open()
    file.want([(500_000, 510_000), (100_000, 120_000), (130_000, 140_000), (135_000, 136_000)])
    assert server.asked[1:] == [(100_000, 40_000), (500_000, 10_000)]
    file.seek(134_000)
    assert file.read(6000) == CONTENT[134_000:140_000]
    assert len(server.asked) == 3
    assert file.fetched_bytes == 65536 + 40_000 + 10_000


def test_nothing_is_fetched_twice() -> None:
    server = Server(CONTENT[:1000])
    file = server.open()
    assert file.read() == CONTENT[:1000]
    file.want([(0, 5000)])
    file.seek(10)
    assert file.read(10) == CONTENT[10:20]
    assert server.asked == [(0, 1000)]


def test_no_more_is_fetched_than_agreed() -> None:
    server = Server()
    file = server.open(limit_bytes=100_000)
    with pytest.raises(WrongFileError, match="far more than the files that are needed"):
        file.want([(0, 900_000)])
    assert sum(size_bytes for _start, size_bytes in server.asked) == 65536


def test_there_is_nothing_before_the_beginning() -> None:
    with pytest.raises(ValueError, match="before the beginning"):
        Server().open().seek(-1)


def test_an_empty_file_is_asked_for_nothing() -> None:
    server = Server(b"")
    assert server.open().read() == b""
    assert server.asked == []


OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("read"), st.integers(-1, 70_000)),
        st.tuples(st.just("seek"), st.integers(0, 250_000)),
        st.tuples(st.just("end"), st.integers(-200_000, 10)),
        st.tuples(st.just("want"), st.integers(0, 250_000)),
    ),
    max_size=12,
)


@given(OPERATIONS)
def test_it_reads_as_the_file_itself_would(operations: list[tuple[str, int]]) -> None:
    content = CONTENT[:200_000]
    file, real = Server(content).open(), io.BytesIO(content)
    for what, number in operations:
        if what == "read":
            assert file.read(number) == real.read(number)
        elif what == "want":
            file.want([(number, number + 5000)])
        else:
            whence = os.SEEK_END if what == "end" else os.SEEK_SET
            assert file.seek(number, whence) == real.seek(number, whence)
        assert file.tell() == real.tell()
