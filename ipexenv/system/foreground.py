"""Run one program in the user's own terminal: it reads the keyboard, draws its progress bars and gets Ctrl-C itself."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_NOT_FOUND = 127


class Foreground(Protocol):
    """Starts a program in the foreground."""

    def run(self, argv: Sequence[str], *, env: Mapping[str, str], first_act: Callable[[], None]) -> int:
        """Run ``argv`` to its end and return its returncode; ``first_act`` is what the child does before it begins.

        What this process is told to end by ends the program too, and then KeyboardInterrupt is raised. A program that
        cannot be started is returncode 127, after a line on stderr.
        """
        ...


class TerminalForeground:
    """The real Foreground."""

    def run(self, argv: Sequence[str], *, env: Mapping[str, str], first_act: Callable[[], None]) -> int:
        """See Foreground.run."""
        sys.stdout.flush()
        try:
            process = subprocess.Popen(list(argv), env=dict(env), preexec_fn=first_act)  # noqa: PLW1509 (threads are idle)
        except OSError as error:
            culprit = argv[0] if error.filename is None else os.fsdecode(error.filename)
            sys.stderr.write(f"{culprit}: {error.strerror or error}\n")
            return _NOT_FOUND
        return _wait(process)


def _wait(process: subprocess.Popen[bytes]) -> int:
    """Wait for its end; Ctrl-C goes to it as well, so it decides, and a second one ends it."""
    came: list[int] = []

    def pass_on(number: int, _frame: object) -> None:
        if number == signal.SIGTERM or len(came) > 1:
            process.terminate()
        came.append(number)

    before = {number: signal.signal(number, pass_on) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        code = process.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
    if came:
        raise KeyboardInterrupt
    return code
