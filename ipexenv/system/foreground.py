"""Run one program in the user's own terminal: it reads the keyboard, draws its progress bars and gets Ctrl-C itself."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

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
        signals = _Signals()
        with signals.heard():  # before the program is born: one that came in between would leave it alone in the world
            try:
                process = subprocess.Popen(list(argv), env=dict(env), preexec_fn=first_act)  # noqa: PLW1509 (threads are idle)
            except OSError as error:
                culprit = argv[0] if error.filename is None else os.fsdecode(error.filename)
                sys.stderr.write(f"{culprit}: {error.strerror or error}\n")
                return _NOT_FOUND
            code = signals.wait(process)
        if signals.came:
            raise KeyboardInterrupt
        return code


class _Signals:
    """What this process is told to end by. Ctrl-C goes to the program as well, so it decides; a third one ends it."""

    def __init__(self) -> None:
        self.came: list[int] = []
        self._process: subprocess.Popen[bytes] | None = None

    @contextmanager
    def heard(self) -> Iterator[None]:
        """Keep what comes within the block from ending this process."""
        before = {number: signal.signal(number, self._pass_on) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, signal.SIG_DFL if handler is None else handler)

    def wait(self, process: subprocess.Popen[bytes]) -> int:
        """Return the code that the program ends with."""
        self._process = process
        for number in tuple(self.came):  # while it was being started it may not have heard them
            process.send_signal(number)
        return process.wait()

    def _pass_on(self, number: int, _frame: object) -> None:
        if self._process is not None and (number == signal.SIGTERM or len(self.came) > 1):
            self._process.terminate()
        self.came.append(number)
