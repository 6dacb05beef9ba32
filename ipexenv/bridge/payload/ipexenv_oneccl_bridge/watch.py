"""The watch over all groups of this process: it ends what takes too long or can never end.

A thread that is inside oneCCL cannot be called back, so the watch looks from outside, a few times a second, and fails
the works of a group whose oldest one is out of time or waits for a rank of this host that has died.
"""

from __future__ import annotations

import atexit
import ctypes
import os
import threading
import weakref
from contextlib import suppress
from typing import Any, Optional

from . import background, lane
from .errors import CclError

PERIOD_S = 0.1

_engines: weakref.WeakSet[Any] = weakref.WeakSet()
_lock = threading.Lock()
_thread: Optional[threading.Thread] = None
_skips_destructors = False


def add(engine: Any) -> None:
    """Watch a group from now on, until it is gone or removed."""
    global _thread  # noqa: PLW0603 (one watch for the process)
    with _lock:
        _engines.add(engine)
        if _thread is None:
            _thread = background.spawn(_run, "ccl-watch")
            atexit.register(_at_exit)
            os.register_at_fork(after_in_child=_in_child)


def remove(engine: Any) -> None:
    """Watch a group no longer."""
    with _lock:
        _engines.discard(engine)


def _members() -> Any:
    with _lock:
        return tuple(_engines)


def _run() -> None:
    """Look until the process ends: failing a work calls torch, and whatever the program has hung on the work."""
    with suppress(CclError):
        while True:
            background.pause(PERIOD_S)
            for engine in _members():
                engine.look_after()
            engine = None  # a group must not live on for being looked at


def _at_exit() -> None:
    """Close what the program left open, before the interpreter takes its threads away."""
    members = _members()
    for engine in members:
        engine.leave()
    if not lane.end_all():
        skip_destructors()
    background.end_all()
    for engine in members:  # one that was starting has made its shared memory meanwhile
        engine.leave()
    if _skips_destructors:
        ctypes.CDLL(None).fflush(None)


def skip_destructors() -> None:
    """Let this process end before oneCCL's destructors: its worker may be in a call that never returns, and they wait.

    What is registered last runs first, and glibc passes the exit status on (on_exit(3)).
    """
    global _skips_destructors  # noqa: PLW0603 (one end for the process)
    libc = ctypes.CDLL(None)
    if not _skips_destructors and hasattr(libc, "on_exit"):
        libc.on_exit(libc._exit, None)  # noqa: SLF001 (the C library's own name)
        _skips_destructors = True


def _in_child() -> None:
    """Leave a forked child without groups: threads and connections stayed with the parent."""
    global _thread, _lock  # noqa: PLW0603 (one watch for the process)
    _lock = threading.Lock()
    for engine in tuple(_engines):
        engine.disown()
    _engines.clear()
    _thread = None
    atexit.unregister(_at_exit)
    skip_destructors()  # of threads that only the parent has
