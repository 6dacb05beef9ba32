from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from ipexenv.errors import OutsideError
from ipexenv.events import Event, ignore
from ipexenv.transaction.holding import holding
from ipexenv.transaction.state import StateFolder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HOLD = """
import sys
from ipexenv.transaction.holding import holding
from ipexenv.transaction.state import StateFolder
with holding(StateFolder.at(sys.argv[1]), command="ipexenv install --torch 2.8", listen=lambda event: None):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def other(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock until its stdin is closed."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_the_second_says_who_holds_it(tmp_path: Path, other: subprocess.Popen[str]) -> None:
    held = holding(StateFolder.at(str(tmp_path)), command="x", listen=ignore, wait_s=0)
    with pytest.raises(OutsideError) as caught, held:
        pass
    assert caught.value.code == "locked"
    assert f"`ipexenv install --torch 2.8` (process {other.pid}, since " in caught.value.causes[0]


@pytest.mark.parametrize("ending", ["ends", "is killed"])
def test_the_second_waits_until_the_first_is_done(tmp_path: Path, other: subprocess.Popen[str], ending: str) -> None:
    told: list[Event] = []

    def listen(event: Event) -> None:
        told.append(event)
        if ending == "is killed":
            other.kill()
        else:
            assert other.stdin is not None
            other.stdin.close()

    with holding(StateFolder.at(str(tmp_path)), command="x", listen=listen, wait_s=30):
        assert [event.text.partition(" (")[0] for event in told] == ["waiting for `ipexenv install --torch 2.8`"]


def test_an_environment_that_its_holder_removed_is_locked_anew(tmp_path: Path, other: subprocess.Popen[str]) -> None:
    state = StateFolder.at(str(tmp_path))

    def listen(event: Event) -> None:
        state.lock.unlink()
        other.kill()

    with holding(state, command="x", listen=listen, wait_s=30):
        assert state.lock.exists()


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / ".ipexenv").write_text("a file")
    with (
        pytest.raises(OutsideError, match=".ipexenv/lock") as caught,
        holding(StateFolder.at(str(tmp_path)), command="x", listen=ignore),
    ):
        pass
    assert caught.value.code == "not-writable"
