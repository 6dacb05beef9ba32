"""One command at a time may change an environment: a lock that the kernel releases, however its holder ends."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ipexenv.errors import OutsideError
from ipexenv.events import Event
from ipexenv.system.runner import inherited
from ipexenv.transaction.state import FULL

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ipexenv.events import Listener
    from ipexenv.transaction.state import StateFolder

DEFAULT_WAIT_S = 600.0
_POLL_S = 0.2
_ATTEMPTS = 50


@contextmanager
def holding(state: StateFolder, *, command: str, listen: Listener, wait_s: float = DEFAULT_WAIT_S) -> Iterator[None]:
    """Hold the environment's lock for the block; wait for another holder and say who it is.

    Programs that are started meanwhile hold it, too: where this process is killed, nobody comes in before they have
    ended. A folder that holds nothing but the lock goes with it. Raises OutsideError that names the holder where it
    has not let go after ``wait_s`` seconds, or where the lock cannot be made.
    """
    handle = _acquire(state.lock, listen, wait_s=wait_s)
    try:
        _write_holder(handle, command)
        with inherited(handle):
            yield
    finally:
        with contextlib.suppress(OSError):  # the file system may be full or gone, and the lock ends all the same
            os.ftruncate(handle, 0)
            _leave_nothing(state, handle)
        os.close(handle)


def _leave_nothing(state: StateFolder, handle: int) -> None:
    """Remove a folder in which there is nothing to remember; whoever waits for the lock sees that it is gone."""
    if os.listdir(state.path) == [state.lock.name] and _is_same(handle, state.lock):  # noqa: PTH208 (names, not paths)
        state.lock.unlink()
        state.path.rmdir()


def _acquire(path: Path, listen: Listener, *, wait_s: float) -> int:
    deadline = time.monotonic() + wait_s
    told = False
    while True:
        handle = _open(path)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _holder(handle)
            os.close(handle)
        else:
            if _is_same(handle, path):
                return handle
            os.close(handle)  # its holder took the whole environment away: try with the new file
            continue
        if time.monotonic() >= deadline:
            raise _held(path, holder, wait_s)
        if not told:
            listen(Event(kind="step", text=f"waiting for {holder}, which is changing this environment"))
            told = True
        time.sleep(_POLL_S)


def _open(path: Path) -> int:
    for attempt in range(_ATTEMPTS):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:  # noqa: PERF203 (hardly ever tried twice)
            if isinstance(error, FileNotFoundError) and attempt + 1 < _ATTEMPTS:
                continue  # whoever held it has just removed the folder
            raise OutsideError(
                f"cannot lock the environment: {path} cannot be made",
                code="disk-full" if error.errno in FULL else "not-writable",
                causes=(error.strerror or str(error),),
                hint="free some space, or correct its permissions, or install into an environment of its own with"
                " `ipexenv install --venv DIR`",
            ) from None
    raise AssertionError("unreachable")


def _is_same(handle: int, path: Path) -> bool:
    try:
        found = path.stat()
    except OSError:
        return False
    mine = os.fstat(handle)
    return (mine.st_ino, mine.st_dev) == (found.st_ino, found.st_dev)


def _write_holder(handle: int, command: str) -> None:
    words = json.dumps({"pid": os.getpid(), "command": command, "since": time.strftime("%Y-%m-%d %H:%M:%S")})
    with contextlib.suppress(OSError):  # who holds it is a courtesy
        os.ftruncate(handle, 0)
        os.pwrite(handle, words.encode(), 0)


def _holder(handle: int) -> str:
    try:
        row = json.loads(os.pread(handle, 4096, 0))
        return f"`{row['command']}` (process {row['pid']}, since {row['since']})"
    except (OSError, ValueError, KeyError, TypeError):
        return "another ipexenv"


def _held(path: Path, holder: str, wait_s: float) -> OutsideError:
    return OutsideError(
        "another ipexenv is changing this environment",
        code="locked",
        causes=(f"{holder} holds {path}", f"it has not let go within {wait_s:g} s"),
        hint="wait for it, or end that process and run the command again",
    )
