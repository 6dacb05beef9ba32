"""Where the threads of this process run, where CPUs are scarce.

The worker of oneCCL and the thread of the group share one CPU. A thread that waits for them on another CPU is woken
across CPUs, which takes 50 microseconds on a virtual machine, three times what a small collective takes. So it comes
over while it waits; that its CPU mask is put back afterwards does not move it away, and the next wait finds it
there.
"""

from __future__ import annotations

import ctypes
import os
from contextlib import suppress
from typing import Any, Callable, Optional, Set

_home: Optional[int] = None


def _ask_where() -> Callable[[], int]:
    try:
        function: Any = ctypes.PyDLL(None).sched_getcpu
    except AttributeError:  # another C library
        return lambda: -1
    function.argtypes, function.restype = (), ctypes.c_int
    return lambda: int(function())


where = _ask_where()
"""Return the CPU that this thread runs on; -1 where that cannot be known."""


def share(home: Optional[int]) -> None:
    """Let waiting threads come to the CPU ``home`` from now on; ``None`` lets them stay where they are."""
    global _home  # noqa: PLW0603 (one worker for the process)
    _home = home


def come() -> Optional[Set[int]]:
    """Move this thread to where its collective is done; return the CPU mask to put back, ``None`` if it stays."""
    if _home is None or where() == _home:
        return None
    with suppress(OSError):  # not allowed here (any more): slower, not wrong
        mask = os.sched_getaffinity(0)
        if _home in mask:
            os.sched_setaffinity(0, {_home})
            return mask
    return None


def keep_apart(taken: Set[int]) -> None:
    """Move this thread to a CPU that is not taken, if it may run on one; it may leave again at any time.

    Two ranks that wait for each other on one CPU while another is free take five times as long, and the kernel may
    leave them there for seconds.
    """
    with suppress(OSError):
        mask = os.sched_getaffinity(0)
        free = mask - taken
        if free:
            os.sched_setaffinity(0, {_home if _home in free else min(free)})
            put_back(mask)


def put_back(mask: Set[int]) -> None:
    """Let this thread run where it could before."""
    with suppress(OSError):
        os.sched_setaffinity(0, mask)
