"""Memory without a name, which others open through this process's file descriptor (memfd_create(2))."""

from __future__ import annotations

import ctypes
import os

CLOSE_ON_EXEC = 1


def nameless(size_bytes: int) -> int:
    """Return a file descriptor of that much memory, all zero, or -1 where there is none to be had.

    Python's own function is missing where Python was built on an older system.
    """
    function = getattr(ctypes.CDLL(None), "memfd_create", None)
    file = int(function(b"ipexenv-oneccl-bridge", CLOSE_ON_EXEC)) if function is not None else -1
    if file < 0:
        return -1
    try:
        os.ftruncate(file, size_bytes)
    except OSError:
        os.close(file)
        return -1
    return file
