"""Logs as they come: files, gzip, pipes, Windows' encodings, Ctrl-C, readers that go away."""

from __future__ import annotations

import gzip
import io
import os
import signal
import threading
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipexenv.doctor.decoding import as_utf8
from ipexenv.doctor.last_words import LastWords, last_words
from ipexenv.doctor.log import LAST_LOG, keep_last, last_log, last_text, opened, pieces
from ipexenv.errors import OutsideError, UsageError
from ipexenv.system.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO


def read(world: World, name: str | None, *, last: bool = False) -> bytes:
    with opened(world, name, last=last) as log:
        return b"".join(pieces(log))


def test_a_file_a_packed_one_and_a_named_pipe(tmp_path: Path) -> None:
    world = World(directory=tmp_path)
    (tmp_path / "plain").write_bytes(b"one\n")
    (tmp_path / "packed").write_bytes(gzip.compress(b"two\n"))
    (tmp_path / "empty").touch()
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(b"three\n",))
    writer.start()
    try:
        assert [read(world, name) for name in ("plain", "packed", "empty", "pipe")] == [
            b"one\n",
            b"two\n",
            b"",
            b"three\n",
        ]
    finally:
        writer.join()


@pytest.mark.parametrize("damage", [lambda data: data[:-6], lambda data: data[:20] + b"xx" + data[22:]])
def test_a_damaged_archive_is_an_error_with_its_name(tmp_path: Path, damage: object) -> None:
    assert callable(damage)
    (tmp_path / "packed").write_bytes(damage(gzip.compress(os.urandom(1000))))
    with pytest.raises(OutsideError, match="cannot read .*packed"):
        read(World(directory=tmp_path), "packed")


def test_a_folder_is_no_log(tmp_path: Path) -> None:
    with pytest.raises(OutsideError, match="Is a directory"):
        read(World(directory=tmp_path), ".")


def test_without_standard_input_that_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(UsageError, match="standard input is closed"):
        read(World(directory=tmp_path), "-")


def test_what_is_read_is_passed_on_first_and_whole() -> None:
    passed = io.BytesIO()
    seen = [(piece, passed.getvalue()) for piece in pieces(io.BytesIO(b"ab" * 200_000), passed)]
    assert all(so_far.endswith(piece) for piece, so_far in seen)
    assert passed.getvalue() == b"ab" * 200_000


def test_a_reader_that_goes_away_does_not_end_the_log() -> None:
    class Gone(io.BytesIO):
        def write(self, _: object) -> int:
            raise BrokenPipeError

    assert b"".join(pieces(io.BytesIO(b"abc"), Gone())) == b"abc"


@pytest.mark.parametrize(
    ("env", "place"),
    [
        ({"IPEXENV_STATE_DIR": "state"}, f"state/{LAST_LOG}"),
        ({"XDG_STATE_HOME": "xdg"}, f"xdg/ipexenv/{LAST_LOG}"),
    ],
)
def test_the_last_failure_is_kept_and_read_again(tmp_path: Path, env: dict[str, str], place: str) -> None:
    world = World(directory=tmp_path, env=env)
    assert last_text(world) is None
    keep_last(world, "it failed\n")
    assert (tmp_path / place).read_text() == "it failed\n"
    assert read(world, None, last=True) == b"it failed\n"
    assert last_text(world) == "it failed\n"


def test_the_last_failure_below_home(tmp_path: Path) -> None:
    world = World(directory=tmp_path, env={"HOME": str(tmp_path)})
    assert last_log(world) == tmp_path / ".local/state/ipexenv" / LAST_LOG


def test_without_a_place_nothing_is_kept(tmp_path: Path) -> None:
    homeless = World(directory=tmp_path, env={})
    keep_last(homeless, "x")
    assert last_text(homeless) is None
    with pytest.raises(UsageError, match="no command of ipexenv has failed"):
        read(homeless, None, last=True)
    (tmp_path / "file").touch()
    keep_last(World(directory=tmp_path, env={"IPEXENV_STATE_DIR": "file"}), "x")
    assert (tmp_path / "file").read_text() == ""


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
@given(text=st.text(max_size=30), size=st.integers(min_value=1, max_value=7))
def test_utf16_with_its_mark_becomes_utf8(encoding: str, text: str, size: int) -> None:
    mark = "" if encoding == "utf-16" else "\ufeff"
    data = f"{mark}{text}".encode(encoding, "replace")
    cut = [data[start : start + size] for start in range(0, len(data), size)]
    assert b"".join(as_utf8(cut)).decode() == text.encode("utf-16-le", "replace").decode("utf-16-le")


@given(pieces=st.lists(st.binary(max_size=5), max_size=8))
def test_everything_else_stays_as_it_is(pieces: list[bytes]) -> None:
    data = b"".join(pieces)
    if not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        assert b"".join(as_utf8(pieces)) == data


def test_damaged_utf16_is_no_error() -> None:
    assert b"".join(as_utf8([b"\xff\xfe", b"a\x00", b"\x00\xd8", b"b\x00c"])) == "a\ufffdb\ufffd".encode()


@pytest.fixture
def pipe() -> Iterator[tuple[BinaryIO, int]]:
    """Open a pipe; return the reading end as a file and the writing end as a descriptor."""
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as log:
        yield log, writing
        os.close(writing)


def test_ctrl_c_lets_a_program_say_its_last_words(pipe: tuple[BinaryIO, int]) -> None:
    log, writing = pipe
    told: list[str] = []
    before = signal.getsignal(signal.SIGINT)
    with last_words(log, lambda: told.append("so be it")) as heard:
        os.write(writing, b"first")
        assert heard.read1(100) == b"first"
        signal.raise_signal(signal.SIGINT)
        assert (told, heard.interrupted) == (["so be it"], True)
        os.write(writing, b"last words")
        assert heard.read1(100) == b"last words"
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_a_program_that_says_no_more_after_ctrl_c_is_not_waited_for(pipe: tuple[BinaryIO, int]) -> None:
    heard = LastWords(pipe[0], limit_s=0.0)
    heard.interrupt()
    assert list(pieces(heard)) == []


def test_a_job_in_the_background_goes_on_ignoring_ctrl_c(pipe: tuple[BinaryIO, int]) -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with last_words(pipe[0], lambda: None) as heard:
            signal.raise_signal(signal.SIGINT)
            assert not heard.interrupted
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_in_another_thread_signals_stay_as_they_are(pipe: tuple[BinaryIO, int]) -> None:
    before, seen = signal.getsignal(signal.SIGINT), []

    def listen() -> None:
        with last_words(pipe[0], lambda: None):
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=listen)
    thread.start()
    thread.join()
    assert seen == [before]
