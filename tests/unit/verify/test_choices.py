"""Options that cannot be are refused by name."""

from __future__ import annotations

import argparse

import pytest

from ipexenv.errors import UsageError
from ipexenv.verify.choices import add_verify_options, refuse_impossible


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
        2,
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
