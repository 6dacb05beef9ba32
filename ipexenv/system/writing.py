"""Write a text file whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def write_atomically(file: Path, text: str) -> None:
    """Put ``text`` (as UTF-8) into ``file`` in one step.

    Who reads it meanwhile, or after a power cut, sees the old or the new. Raises OSError, and leaves nothing then.
    """
    target = file.resolve()  # a symbolic link stays one
    beside = target.with_name(f".{target.name}.{secrets.token_hex(6)}.part")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        beside.replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise
