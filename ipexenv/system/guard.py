"""End programs that this process has started when it is killed without warning."""

from __future__ import annotations

import contextlib
import subprocess
import sys

# A program of its own, for SIGKILL lets nobody clean up: it reads process groups until this process is gone.
_PROGRAM = """
import os, signal, sys, time
words = sys.stdin.read().split()
groups = [] if "done" in words else [int(word) for word in words]
for number in [signal.SIGTERM] + [0] * 50 + [signal.SIGKILL]:
    for group in list(groups):
        try:
            os.killpg(group, number)
        except OSError:
            groups.remove(group)
    if groups:
        time.sleep(0.1)
"""


class Guard:
    """Outlives this process, and then ends the process groups that it was told: SIGTERM, 5 s, SIGKILL."""

    def __init__(self) -> None:
        """Start it; where that is not possible nothing is guarded."""
        self._process: subprocess.Popen[bytes] | None = None
        with contextlib.suppress(OSError):
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _PROGRAM],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )

    def watch_over(self, group: int) -> None:
        """Tell it a process group that must not outlive this process."""
        self._send(f"{group}\n")

    def dismiss(self) -> None:
        """Let it go; what it watched over has ended."""
        self._send("done\n")
        if self._process is not None:
            with contextlib.suppress(OSError):
                self._process.communicate()

    def _send(self, text: str) -> None:
        if self._process is not None and self._process.stdin is not None:
            with contextlib.suppress(OSError, ValueError):
                self._process.stdin.write(text.encode())
                self._process.stdin.flush()
