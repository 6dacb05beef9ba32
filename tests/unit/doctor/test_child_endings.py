"""Every way in which an import can end a process, with real processes, is told apart and put into words."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING

import pytest

from ipexenv.doctor.child_endings import child_ending
from ipexenv.doctor.children import Child
from ipexenv.system.runner import ANSWER_FD_VARIABLE, SubprocessRunner
from tests.fakes import finished

if TYPE_CHECKING:
    from pathlib import Path

    from ipexenv.doctor.child_endings import ChildEnding

AFTERWARDS = f"; os.write(int(os.environ['{ANSWER_FD_VARIABLE}']), b'done')"


def ending_of(program: str, *, after: str = "", limit_s: float = 60.0) -> ChildEnding:
    ended = SubprocessRunner().run(
        [sys.executable, "-u", "-c", f"import os, sys, signal, time\n{program}\npass{AFTERWARDS}{after}"],
        timeout_s=limit_s,
        answer=True,
    )
    child = Child(modules=("it",), ended=ended)
    return child_ending(ended, came_back=child.came_back, limit_s=limit_s)


@pytest.mark.parametrize(
    ("program", "kind", "words"),
    [
        ("pass", "fine", "works"),
        ("print('ERROR! needs to work with PyTorch 2.5.*'); sys.exit(127)", "guard", "ended with exit code 127"),
        ("os._exit(127)", "silent-guard", "ended with exit code 127 and said nothing"),
        (
            "os.exit(127)",
            "exception",
            "raised AttributeError: module 'os' has no attribute 'exit'",
        ),
        ("raise OSError('x.so: undefined symbol: _ZN3c10')", "exception", "raised OSError: x.so: undefined symbol"),
        ("sys.exit('only works on machines with AVX2')", "said-exit", "ended with exit code 1: only works on machines"),
        ("sys.exit(3)", "silent-exit", "ended with exit code 3 and said nothing"),
        ("sys.exit(0)", "early-exit", "ended the process in the middle, with exit code 0"),
        ("os._exit(0)", "early-exit", "ended the process in the middle, with exit code 0"),
        ("os.kill(os.getpid(), signal.SIGILL)", "signal", "died of SIGILL"),
        ("os.kill(os.getpid(), signal.SIGBUS)", "signal", "died of SIGBUS"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "signal", "died of SIGSEGV"),
        ("os.abort()", "signal", "died of SIGABRT"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "killed", "died of SIGKILL"),
        ("os.kill(os.getpid(), 40)", "signal", "died of signal 40"),
    ],
)
def test_each_ending_is_told_apart(program: str, kind: str, words: str) -> None:
    ending = ending_of(program)
    assert ending.kind == kind
    assert ending.words.startswith(words)
    assert ending.cause or kind == "fine" or "40" in words


def test_a_hang_is_ended_and_told() -> None:
    ending = ending_of("time.sleep(600)", limit_s=1.0)
    assert (ending.kind, ending.words) == ("hang", "did not come to an end within 1 s")


@pytest.mark.parametrize(
    ("after", "words"),
    [
        ("; os._exit(5)", "worked, and the process then ended with exit code 5"),
        ("; os.abort()", "worked, and the process then died of SIGABRT"),
    ],
)
def test_a_death_after_the_work_is_told_as_such(after: str, words: str) -> None:
    ending = ending_of("pass", after=after)
    assert (ending.kind, ending.words) == ("late-death", words)


def test_a_wrapper_script_hides_no_signal(tmp_path: Path) -> None:
    shell = shutil.which("sh")
    assert shell is not None
    wrapper = tmp_path / "python"
    wrapper.write_text(f"#!{shell}\n{sys.executable} -c 'import os; os.abort()'\nexit $?\n")
    wrapper.chmod(0o755)
    ended = SubprocessRunner().run([str(wrapper)], timeout_s=60.0, answer=True)
    assert ended.returncode == 134
    ending = child_ending(ended, came_back=False, limit_s=60.0)
    assert (ending.kind, ending.words, ending.returncode) == ("signal", "died of SIGABRT", -6)


def test_a_python_that_is_not_there(tmp_path: Path) -> None:
    ended = SubprocessRunner().run([str(tmp_path / "python")], timeout_s=60.0, answer=True)
    ending = child_ending(ended, came_back=False, limit_s=60.0)
    assert ending.kind == "not-started"
    assert "No such file or directory" in ending.words


def test_an_error_without_a_traceback_is_one_all_the_same() -> None:
    ending = child_ending(finished(1, stderr="ImportError: libccl.so.1"), came_back=False, limit_s=1.0)
    assert ending.kind == "exception"
