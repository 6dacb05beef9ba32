"""Options that cannot be are refused by name."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

import pytest

from ipexenv.errors import UsageError
from ipexenv.verify.choices import add_verify_options, chosen_seats, refuse_impossible

if TYPE_CHECKING:
    from pathlib import Path


def parse(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_verify_options(parser)
    return parser.parse_args(words)


def test_the_defaults_can_be() -> None:
    options = parse()
    refuse_impossible(options)
    assert (options.stack, options.ccl, options.dtype, options.nproc, options.timeout) == (
        None,
        "auto",
        "bf16",
        None,
        300.0,
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--nproc", "1"), "--nproc 1 is not a number of ranks from 2 to 255"),
        (("--nproc", "256"), "--nproc 256 is not"),
        (("--timeout", "0"), "--timeout 0 is not a time in seconds above 0"),
        (("--timeout", "nan"), "--timeout nan is not"),
        (("--timeout", "inf"), "--timeout inf is not"),
    ],
)
def test_numbers_that_cannot_be(words: tuple[str, ...], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        refuse_impossible(parse(*words))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("-ppn", "2"), "-ppn 2 needs --hostfile"),
        (("--hostfile", "x", "--nproc-per-host", "0"), "-ppn 0 is not a number of ranks from 1 to 255"),
        (("--hostfile", "x", "--nproc", "1"), "--nproc 1 is not"),
    ],
)
def test_ranks_on_hosts_that_cannot_be(words: tuple[str, ...], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        refuse_impossible(parse(*words))


def test_seats_come_from_the_hostfile(tmp_path: Path) -> None:
    (tmp_path / "hosts").write_text("a:2\nb\n", encoding="utf-8")
    assert chosen_seats(parse(), tmp_path) == ()
    seats = chosen_seats(parse("--hostfile", "hosts"), tmp_path)
    assert [(seat.host, seat.local_rank) for seat in seats] == [("a", 0), ("a", 1), ("b", 0)]
    assert len(chosen_seats(parse("--hostfile", "hosts", "-ppn", "2"), tmp_path)) == 4
    assert len(chosen_seats(parse("--hostfile", "hosts", "--nproc", "2"), tmp_path)) == 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "hosts cannot be read: No such file or directory"),
        (b"\xff\xfe", "hosts cannot be read: it is not UTF-8 text"),
        (b"a\n", "has room for 1, which is not a number of ranks from 2 to 255"),
        (b"a:200\nb:56\n", "has room for 256, which is not"),
        (b"a\nb:x\n", "hosts, line 2: 'x' is not a number of ranks"),
    ],
)
def test_hostfiles_that_cannot_be(tmp_path: Path, content: bytes | None, message: str) -> None:
    if content is not None:
        (tmp_path / "hosts").write_bytes(content)
    with pytest.raises(UsageError) as caught:
        chosen_seats(parse("--hostfile", "hosts"), tmp_path)
    assert message in caught.value.message
