from __future__ import annotations

import argparse

import pytest

from ipexenv.transaction.choice import add_wait_option
from ipexenv.transaction.holding import DEFAULT_WAIT_S


def wait(*arguments: str) -> float:
    parser = argparse.ArgumentParser()
    add_wait_option(parser)
    seconds: float = parser.parse_args(arguments).lock_wait
    return seconds


def test_it_is_a_number_of_seconds() -> None:
    assert (wait(), wait("--lock-wait", "0"), wait("--lock-wait", "1.5")) == (DEFAULT_WAIT_S, 0.0, 1.5)


@pytest.mark.parametrize("text", ["soon", "-1", "nan", "inf", ""])
def test_anything_else_is_refused(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        wait("--lock-wait", text)
    assert "invalid number of seconds value" in capsys.readouterr().err
