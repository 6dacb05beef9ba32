"""`ipexenv explain`: whole output, from a file and from a pipe."""

from __future__ import annotations

import gzip
import json
import os
import pty
import signal
import subprocess
import sys
from subprocess import PIPE
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

LIMIT_S = 60
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
        "`ipexenv doctor --venv nowhere --deep` looks for the cause in the environment itself\n"
        "to report it, send these lines with what `ipexenv doctor --venv nowhere --markdown` says to the project whose "
        "file the traceback ends in\n"
    )
    assert say("odd.log") == (1, expected, "")


def test_an_empty_log_is_most_often_a_forgotten_redirection(say: Say, tmp_path: Path) -> None:
    (tmp_path / "empty.log").touch()
    expected = (
        "the log is empty: errors go to stderr, so pipe both in, `some-command 2>&1 | ipexenv explain`\n"
        "`ipexenv doctor --venv nowhere --deep` says why a program ends without a word\n"
    )
    assert say("empty.log") == (1, expected, "")


def test_a_log_in_which_all_is_well(say: Say, tmp_path: Path) -> None:
    (tmp_path / "fine.log").write_text("step 1\nstep 2\n")
    expected = "nothing that ipexenv knows is in these 2 lines\nnothing in it looks like a failure either\n"
    assert say("fine.log") == (1, expected, "")


@pytest.mark.parametrize(
    "log",
    [
        LOG.replace("ModuleNotFoundError", "\x1b[1;31mModuleNotFoundError\x1b[0m").encode(),
        LOG.replace("No module named", "\x1b[33mNo module named\x1b[0m").encode(),
        LOG.replace("\n", "\r\n").encode("utf-16"),
        LOG.encode("utf-8-sig"),
        ("starting\n" + "\r".join(f"{done}%|###|" for done in range(500)) + "\r" + LOG.partition("\n")[2]).encode(),
    ],
    ids=["coloured", "coloured-inside", "utf16", "utf8-mark", "progress-bar"],
)
def test_how_a_log_was_written_does_not_matter(say: Say, tmp_path: Path, log: bytes) -> None:
    (tmp_path / "train.log").write_bytes(log)
    code, out, err = say("train.log")
    assert (code, err) == (0, "")
    assert out.startswith(KNOWN)


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


COMMAND = [sys.executable, "-m", "ipexenv", "explain", "--venv", "nowhere"]


def test_a_pipe_keeps_flowing_line_by_line() -> None:
    with subprocess.Popen(COMMAND, stdin=PIPE, stdout=PIPE, stderr=PIPE) as process:
        assert process.stdin
        assert process.stderr
        for line in LOG.encode().splitlines(keepends=True):
            process.stdin.write(line)
            process.stdin.flush()
            assert process.stderr.readline() == line  # it comes before the next is written
        out, _ = process.communicate(timeout=LIMIT_S)
    assert out.decode().startswith(KNOWN)


def test_nobody_has_to_watch_the_flow() -> None:
    closed = ["sh", "-c", 'exec "$@" 2>&-', "sh", *COMMAND]
    ended = subprocess.run(closed, input=LOG, stdout=PIPE, text=True, check=False)
    assert (ended.returncode, ended.stdout[: len(KNOWN)]) == (0, KNOWN)
    reading, writing = os.pipe()
    os.close(reading)
    ended = subprocess.run(COMMAND, input=LOG, stdout=PIPE, stderr=writing, text=True, check=False)
    os.close(writing)
    assert (ended.returncode, ended.stdout[: len(KNOWN)]) == (0, KNOWN)


def test_without_standard_input_there_is_no_log() -> None:
    ended = subprocess.run(["sh", "-c", 'exec "$@" <&-', "sh", *COMMAND], capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "standard input is closed" in ended.stderr


def test_ctrl_c_means_the_program_and_its_last_words_are_read() -> None:
    with subprocess.Popen(COMMAND, stdin=PIPE, stdout=PIPE, stderr=PIPE) as process:
        assert process.stdin
        assert process.stderr
        process.stdin.write(b"starting\n")
        process.stdin.flush()
        assert process.stderr.readline() == b"starting\n"
        process.send_signal(signal.SIGINT)
        assert b"Ctrl-C" in process.stderr.readline()
        process.stdin.write(LOG.partition("\n")[2].encode())
        out, _ = process.communicate(timeout=LIMIT_S)
    assert out.decode().startswith(KNOWN)
    assert process.returncode == 0


def test_a_log_may_be_pasted_into_the_terminal() -> None:
    master, terminal = pty.openpty()
    try:
        with subprocess.Popen(COMMAND, stdin=terminal, stdout=PIPE, stderr=PIPE) as process:
            assert process.stderr
            assert b"paste the log here" in process.stderr.readline()
            os.write(master, LOG.encode() + b"\x04")
            out, err = process.communicate(timeout=LIMIT_S)
    finally:
        os.close(master)
        os.close(terminal)
    assert out.decode().startswith(KNOWN)
    assert err == b""  # what is pasted stands there already
