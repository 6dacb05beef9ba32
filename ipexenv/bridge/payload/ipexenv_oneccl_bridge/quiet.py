"""Keeping oneCCL from greeting: it prints that its log level was changed, on the program's own stdout."""

from __future__ import annotations

import contextlib
import os
from typing import Iterator

from .memory import nameless

GREETING = b"value of CCL_LOG_LEVEL changed"


@contextlib.contextmanager
def without_greeting() -> Iterator[None]:
    """Hold back stdout (the file descriptor) meanwhile, and write all of it afterwards but the greeting."""
    held, real = nameless(0), _stdout()
    if held < 0 or real < 0:  # then it greets
        yield
        return
    os.dup2(held, 1)
    try:
        yield
    finally:
        os.dup2(real, 1)
        os.close(real)
        os.lseek(held, 0, os.SEEK_SET)
        with open(held, "rb") as said:
            kept = b"".join(line for line in said if GREETING not in line)
        if kept:
            os.write(1, kept)


def _stdout() -> int:
    """Return stdout under another number, or -1 where there is none."""
    try:
        return os.dup(1)
    except OSError:
        return -1
