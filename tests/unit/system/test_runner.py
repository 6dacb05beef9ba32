"""The real runner against real programs: endings, time limits, process groups, pipes."""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ipexenv.system.runner import SubprocessRunner

if TYPE_CHECKING:
    from ipexenv.system.runner import Finished

LONG_S = 60.0


def python(script: str, *arguments: str) -> list[str]:
    return [sys.executable, "-I", "-S", "-c", script, *arguments]


@pytest.fixture
def runner() -> SubprocessRunner:
    return SubprocessRunner()


def alive(pid: int) -> bool:
    """Say whether the process runs; a zombie does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text("utf-8").rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def open_descriptors() -> set[str]:
    return {path.name for path in Path("/proc/self/fd").iterdir()}


def run_until_late(runner: SubprocessRunner, argv: list[str], *, first_words: str) -> Finished:
    """Run what never ends with a short limit; with longer ones where a busy machine was late to start it."""
    for limit_s in (0.3, 1, 5, 30, 120):
        finished = runner.run(argv, timeout_s=limit_s)
        assert finished.timed_out
        if first_words in finished.stdout:
            return finished
    raise AssertionError(finished)


def wait_until_dead(pid: int) -> bool:
    for _ in range(6000):
        if not alive(pid):
            return True
        threading.Event().wait(0.01)
    return False


def test_what_a_program_prints_and_answers_is_kept_apart(runner: SubprocessRunner) -> None:
    script = (
        "import os, sys; sys.stdout.write('out\\n'); sys.stderr.write('err\\n');"
        "os.write(int(os.environ['IPEXENV_ANSWER_FD']), b'{}'); sys.exit(3)"
    )
    finished = runner.run(python(script), timeout_s=LONG_S, answer=True)
    assert (finished.returncode, finished.stdout, finished.stderr) == (3, "out\n", "err\n")
    assert finished.answer == b"{}"
    assert not finished.timed_out
    assert not finished.ended


def test_a_program_without_an_answer_finds_no_descriptor(runner: SubprocessRunner) -> None:
    env = {"IPEXENV_ANSWER_FD": "9", "PATH": os.defpath}
    finished = runner.run(python("import os; print(sorted(os.environ))"), timeout_s=LONG_S, env=env)
    assert "IPEXENV_ANSWER_FD" not in finished.stdout
    assert finished.answer == b""


@pytest.mark.parametrize("number", [signal.SIGILL, signal.SIGABRT, signal.SIGBUS, signal.SIGSEGV, signal.SIGKILL])
def test_a_crash_is_a_negative_code(runner: SubprocessRunner, number: signal.Signals) -> None:
    script = f"import os, resource; resource.setrlimit(resource.RLIMIT_CORE, (0, 0)); os.kill(os.getpid(), {number})"
    assert runner.run(python(script), timeout_s=LONG_S).returncode == -number


def test_a_program_that_is_not_there_is_127_with_its_name(runner: SubprocessRunner) -> None:
    finished = runner.run(["/nowhere/python", "-V"], timeout_s=LONG_S, answer=True)
    assert finished.returncode == 127
    assert finished.stderr == "/nowhere/python: No such file or directory"


def test_a_working_directory_that_is_not_there_is_named(runner: SubprocessRunner) -> None:
    finished = runner.run(python("pass"), timeout_s=LONG_S, cwd="/nowhere")
    assert finished.returncode == 127
    assert finished.stderr == "/nowhere: No such file or directory"


def test_a_file_that_is_no_program_is_127(runner: SubprocessRunner, tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("hello", encoding="utf-8")
    assert runner.run([str(file)], timeout_s=LONG_S).returncode == 127


def test_no_descriptor_is_left_open(runner: SubprocessRunner) -> None:
    before = open_descriptors()
    runner.run(python("print('x')"), timeout_s=LONG_S, answer=True)
    runner.run(["/nowhere/python"], timeout_s=LONG_S, answer=True)
    assert open_descriptors() - before == set()  # what earlier tests left may well be closed meanwhile


def test_a_hanging_program_is_ended_with_its_descendants(runner: SubprocessRunner) -> None:
    script = (
        "import os, time, sys\n"
        "child = os.fork()\n"
        "if child: print(child, flush=True)\n"
        "sys.stdout.write('last words') if child else None; sys.stdout.flush(); time.sleep(1000)"
    )
    finished = run_until_late(runner, python(script), first_words="last words")
    assert finished.returncode == -signal.SIGTERM
    pid, words = finished.stdout.split("\n")
    assert words == "last words"
    assert wait_until_dead(int(pid))


def test_a_program_that_ignores_the_request_to_end_is_killed(
    runner: SubprocessRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ipexenv.system.runner._GRACE_S", 0.1)
    script = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True)\n"
    script += "while True: time.sleep(0.1)"
    finished = run_until_late(runner, python(script), first_words="up")
    assert finished.returncode == -signal.SIGKILL


def test_what_a_program_leaves_behind_is_ended(runner: SubprocessRunner) -> None:
    script = (
        "import os, time\n"
        "child = os.fork()\n"
        "if child == 0: os.close(1); os.close(2); time.sleep(1000)\n"
        "print(child, flush=True)"
    )
    finished = runner.run(python(script), timeout_s=LONG_S)
    assert finished.returncode == 0
    assert wait_until_dead(int(finished.stdout))


def test_a_descendant_that_left_the_session_does_not_hold_us(
    runner: SubprocessRunner, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("ipexenv.system.runner._DRAIN_S", 0.1)
    heard = tmp_path / "heard"
    script = (
        "import os, sys, time\n"
        "gone, goes = os.pipe()\n"
        "child = os.fork()\n"
        "if child == 0: os.setsid(); os.write(goes, b'x'); time.sleep(1000)\n"
        "os.read(gone, 1)\n"
        "print(child, flush=True)\n"
        "while not os.path.exists(sys.argv[1]): time.sleep(0.01)"
    )
    finished = runner.run(python(script, str(heard)), timeout_s=LONG_S, on_line=lambda _line: heard.touch())
    assert finished.returncode == 0
    assert alive(int(finished.stdout))
    os.kill(int(finished.stdout), signal.SIGKILL)


def test_lines_come_as_they_are_printed(runner: SubprocessRunner) -> None:
    lines: list[str] = []
    script = "import sys; print('one'); print('two\\r'); sys.stdout.flush(); sys.stderr.write('three, cut off')"
    runner.run(python(script), timeout_s=LONG_S, on_line=lines.append)
    assert sorted(lines) == ["one", "three, cut off", "two"]


def test_a_full_pipe_blocks_nobody(runner: SubprocessRunner) -> None:
    script = "import sys; sys.stdout.write('x' * 1000000); sys.stderr.write('y' * 1000000)"
    finished = runner.run(python(script), timeout_s=LONG_S)
    assert (len(finished.stdout), len(finished.stderr)) == (1000000, 1000000)


def test_endless_output_keeps_its_end(runner: SubprocessRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ipexenv.system.runner.KEPT_BYTES", 1 << 17)
    script = "import sys; sys.stdout.write('x' * 1000000 + 'end')"
    finished = runner.run(python(script), timeout_s=LONG_S)
    assert len(finished.stdout) <= 1 << 17
    assert finished.stdout.endswith("xend")


def test_bytes_that_are_no_text_are_replaced(runner: SubprocessRunner) -> None:
    finished = runner.run(python("import os; os.write(1, b'a\\xffb')"), timeout_s=LONG_S)
    assert finished.stdout == "a\N{REPLACEMENT CHARACTER}b"


def test_an_interrupt_ends_the_program(runner: SubprocessRunner) -> None:
    pids: list[int] = []

    def interrupt(line: str) -> None:
        pids.append(int(line))
        threading.Event().wait(0.2)  # until the main thread waits for the program
        os.kill(os.getpid(), signal.SIGINT)

    script = "import os, time; print(os.getpid(), flush=True); time.sleep(1000)"
    with pytest.raises(KeyboardInterrupt):
        runner.run(python(script), timeout_s=LONG_S, on_line=interrupt)
    assert wait_until_dead(pids[0])
