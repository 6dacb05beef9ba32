"""Ctrl-C in `some-command 2>&1 | ipexenv explain` means the command: what it says last still wants to be read."""

from __future__ import annotations

import select
import signal
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from io import BufferedReader

LAST_WORDS_S = 5.0
"""How long a program may still talk after Ctrl-C."""

_LOOK_S = 0.5


class LastWords:
    """A log that is piped in, and that ends some seconds after Ctrl-C at the latest."""

    def __init__(self, log: BinaryIO, limit_s: float = LAST_WORDS_S) -> None:
        """Read from ``log``, which has a file descriptor and nothing read ahead."""
        self._log = log
        self._limit_s = limit_s
        self._deadline: float | None = None

    @property
    def interrupted(self) -> bool:
        """Say whether Ctrl-C came."""
        return self._deadline is not None

    def interrupt(self) -> None:
        """Let the log end soon."""
        self._deadline = time.monotonic() + self._limit_s

    def read1(self, size: int) -> bytes:
        """Return what has come, at least a byte, or nothing at the end."""
        while True:
            if self._deadline is not None and time.monotonic() > self._deadline:
                return b""
            readable, _, _ = select.select([self._log], [], [], _LOOK_S)
            if readable:
                return cast("BufferedReader", self._log).read1(size)

    read = read1


@contextmanager
def last_words(log: BinaryIO, tell: Callable[[], None]) -> Iterator[LastWords]:
    """Give ``log`` so that the first Ctrl-C ends it soon and calls ``tell``; the second does what it always does.

    Python handles signals in the main thread alone, so in any other nothing changes; nor does it where Ctrl-C is
    ignored, as in a job in the background.
    """
    heard = LastWords(log)
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or before in {signal.SIG_IGN, None}:
        yield heard
        return

    def on_interrupt(_number: int, _frame: object) -> None:
        signal.signal(signal.SIGINT, before)
        heard.interrupt()
        tell()

    signal.signal(signal.SIGINT, on_interrupt)
    try:
        yield heard
    finally:
        signal.signal(signal.SIGINT, before)
