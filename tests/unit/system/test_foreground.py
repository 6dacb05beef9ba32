"""A program in the user's own terminal."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap

import pytest

from ipexenv.system.foreground import TerminalForeground


def nothing() -> None:
    return


def run(script: str, **env: str) -> int:
    argv = (sys.executable, "-I", "-S", "-c", script)
    return TerminalForeground().run(argv, env={"PATH": os.defpath, **env}, first_act=nothing)


def test_its_code_and_its_environment_are_its_own() -> None:
    assert run("import os, sys; sys.exit(int(os.environ['CODE']))", CODE="6") == 6
    assert run("import os; os.kill(os.getpid(), 9)") == -signal.SIGKILL


def test_a_program_that_is_not_there(capfd: pytest.CaptureFixture[str]) -> None:
    assert TerminalForeground().run(("/nowhere/python",), env={}, first_act=nothing) == 127
    assert capfd.readouterr().err == "/nowhere/python: No such file or directory\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_ends_this_process_ends_the_program_first(number: signal.Signals) -> None:
    """SIGINT comes to both from the terminal; SIGTERM to this process alone."""
    script = textwrap.dedent("""
        import os, signal, sys
        from ipexenv.system.foreground import TerminalForeground
        child = "import signal, sys; print('up', flush=True); signal.sigwait([2, 15]); sys.exit(4)"
        mask = "import signal; signal.pthread_sigmask(signal.SIG_BLOCK, [2, 15]); "
        try:
            TerminalForeground().run((sys.executable, "-c", mask + child), env=dict(os.environ), first_act=lambda: None)
        except KeyboardInterrupt:
            print("interrupted")
    """)
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    if number == signal.SIGINT:
        os.killpg(process.pid, number)
    else:
        os.kill(process.pid, number)
    out, _ = process.communicate(timeout=60)
    assert (out, process.returncode) == ("interrupted\n", 0)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_comes_while_the_program_is_being_started_ends_it_as_well(number: signal.Signals) -> None:
    script = textwrap.dedent("""
        import os, signal, sys
        from ipexenv.system.foreground import TerminalForeground
        def tell():
            signal.pthread_sigmask(signal.SIG_BLOCK, [2, 15])
            os.kill(os.getppid(), int(sys.argv[1]))
        child = "import signal; signal.sigwait([2, 15])"
        try:
            TerminalForeground().run((sys.executable, "-c", child), env=dict(os.environ), first_act=tell)
        except KeyboardInterrupt:
            print("interrupted")
    """)
    ended = subprocess.run(
        [sys.executable, "-c", script, str(int(number))], capture_output=True, text=True, check=False, timeout=60
    )
    assert (ended.stdout, ended.returncode) == ("interrupted\n", 0), ended.stderr
