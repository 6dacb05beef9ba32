"""Threads that call torch from behind, and their end before the interpreter's.

A thread that returns from torch's C++ into an interpreter which is being taken down is unwound through that C++, and
the process aborts. So these threads are told to end, and waited for, while the interpreter still stands. Threads that
only ever call oneCCL, through ctypes, need none of this.
"""

from __future__ import annotations

import threading
import time
import weakref
from typing import Callable

from .errors import CclError

END_S = 2.0
"""How long the end of the process may wait for these threads together."""

_threads: weakref.WeakSet[threading.Thread] = weakref.WeakSet()
_leaving = threading.Event()


def spawn(target: Callable[[], None], name: str) -> threading.Thread:
    """Start a thread that asks ``pause`` between its calls."""
    thread = threading.Thread(target=target, name=name, daemon=True)
    _threads.add(thread)
    thread.start()
    return thread


def pause(seconds: float) -> None:
    """Sleep; raise ``CclError`` instead once the process is ending."""
    if _leaving.wait(seconds):
        raise CclError("the process is ending")


def end_all() -> None:
    """Tell all threads to end, and wait for them a while."""
    _leaving.set()
    deadline = time.monotonic() + END_S
    for thread in tuple(_threads):
        if thread is not threading.current_thread():
            thread.join(max(0.0, deadline - time.monotonic()))
