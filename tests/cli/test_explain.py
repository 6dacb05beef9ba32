"""`ipexenv explain`: whole output, from a file and from a pipe."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from ipexenv import cli
from ipexenv.doctor.log import keep_last
from ipexenv.system.runner import not_started
from ipexenv.system.world import World
from tests.fakes import FakeRunner

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Say = Callable[..., tuple[int, str, str]]

LOG = "starting\nModuleNotFoundError: No module named 'oneccl_bindings_for_pytorch'\n"
KNOWN = """\
fatal: bindings-not-installed
  2: ModuleNotFoundError: No module named 'oneccl_bindings_for_pytorch'
cause: The oneCCL bindings are not in this environment. (Before 1.12 the module was called torch_ccl.)
cure: `ipexenv install --venv nowhere` brings them, or the bridge under the same name.
"""


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Return a world without any target."""
    env = {"PATH": "", "IPEXENV_STATE_DIR": str(tmp_path / "state")}
    return World(
        runner=FakeRunner([((), not_started(("python",), FileNotFoundError(2, "No such file")))]),
        env=env,
        root=tmp_path,
        directory=tmp_path,
    )


@pytest.fixture
def say(world: World, capsys: pytest.CaptureFixture[str]) -> Say:
    """Run one command and return exit code, stdout and stderr."""

    def run(*arguments: str) -> tuple[int, str, str]:
        code = cli.main(["explain", *arguments, "--venv", "nowhere"], world=world)
        told = capsys.readouterr()
        return code, told.out, told.err

    return run


def test_a_known_cause(say: Say, tmp_path: Path) -> None:
    (tmp_path / "train.log").write_text(LOG)
    code, out, err = say("train.log")
    assert (code, err) == (0, "")
    assert out.startswith(KNOWN)


def test_a_compressed_log(say: Say, tmp_path: Path) -> None:
    (tmp_path / "train.log.gz").write_bytes(gzip.compress(LOG.encode()))
    code, out, _ = say("train.log.gz")
    assert code == 0
    assert out.startswith(KNOWN)


def test_an_unknown_log_shows_what_looks_worst(say: Say, tmp_path: Path) -> None:
    (tmp_path / "odd.log").write_text("one\nWobbleError: it wobbles\ntwo\n")
    expected = (
        "nothing that ipexenv knows is in these 3 lines\n"
        "what looks most like a failure:\n"
        "  2: WobbleError: it wobbles\n"
        "\n"
        "if torch, IPEX, oneCCL or MPI is at fault, report these lines with what `ipexenv status -v --json` says\n"
    )
    assert say("odd.log") == (1, expected, "")


def test_other_causes_are_told_shortly_and_all_on_request(say: Say, tmp_path: Path) -> None:
    (tmp_path / "log").write_text(
        f"{LOG}OSError: [Errno 24] Too many open files\nport [3345] is busy, connecting as client\n"
    )
    _, out, _ = say("log")
    assert "also: too-many-files (line 3): " in out
    assert "harmless" not in out
    _, out, _ = say("log", "--all")
    assert "fatal: too-many-files\n  3: OSError" in out
    assert "harmless: line 4: Another rank of this host listens already" in out


def test_the_json(say: Say, tmp_path: Path) -> None:
    (tmp_path / "log").write_text(LOG)
    code, out, _ = say("log", "--json")
    document = json.loads(out)
    (cause,) = document["data"]["causes"]
    assert (code, document["status"]) == (0, "ok")
    assert {key: cause[key] for key in ("id", "severity", "lines", "count", "unlikely")} == {
        "id": "bindings-not-installed",
        "severity": "fatal",
        "lines": [{"number": 2, "text": "ModuleNotFoundError: No module named 'oneccl_bindings_for_pytorch'"}],
        "count": 1,
        "unlikely": None,
    }


def test_the_last_failure(say: Say, world: World) -> None:
    code, _, err = say("--last")
    assert code == 2
    assert "no command of ipexenv has failed here yet [no-log]" in err
    keep_last(world, LOG)
    code, out, _ = say("--last")
    assert code == 0
    assert out.startswith(KNOWN)


def test_a_log_that_is_not_there(say: Say, tmp_path: Path) -> None:
    code, out, err = say("nope.log")
    assert (code, out) == (2, "")
    assert f"there is no file {tmp_path / 'nope.log'} [no-log]" in err


def test_two_logs_are_one_too_many(say: Say) -> None:
    code, _, err = say("some.log", "--last")
    assert code == 2
    assert "name two logs" in err


def test_what_is_piped_in_is_passed_on_to_stderr() -> None:
    command = [sys.executable, "-m", "ipexenv", "explain", "--venv", "nowhere"]
    ended = subprocess.run(command, input=LOG, capture_output=True, text=True, check=False)
    assert ended.returncode == 0
    assert ended.stdout.startswith(KNOWN)
    assert ended.stderr == LOG
    ended = subprocess.run([*command, "-", "-q"], input=LOG, capture_output=True, text=True, check=False)
    assert ended.stderr == ""
