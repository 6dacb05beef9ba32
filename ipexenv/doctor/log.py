"""Read a log from a file or a pipe, without waiting for a block to fill, and pass a piped one on."""

from __future__ import annotations

import gzip
import os
import sys
import zlib
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol, cast

from ipexenv.errors import OutsideError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ipexenv.system.world import World

BLOCK_BYTES = 256 << 10

LAST_LOG = "last-failure.log"

_GZIP = b"\x1f\x8b"


class Readable(Protocol):
    """A binary file that is open."""

    def read(self, size: int, /) -> bytes:
        """Return at most ``size`` bytes, none at the end."""
        ...


@contextmanager
def opened(world: World, name: str | None, *, last: bool = False) -> Iterator[BinaryIO]:
    """Give the log that is named, piped in (``-`` or None) or, with ``last``, that of the last failure here.

    Compressed logs (gzip) are read as they are; a named pipe does as well. Raises UsageError where there is no such
    file, OutsideError where it cannot be read.
    """
    if not last and name in {None, "-"}:
        yield piped_in()
        return
    path = last_log(world) if last else world.directory / Path(name or "").expanduser()
    if path is None:
        raise _no_log("no command of ipexenv has failed here yet")
    try:
        with path.open("rb") as file:
            if file.peek(2).startswith(_GZIP):
                with gzip.open(file) as inside:
                    yield cast("BinaryIO", inside)  # GzipFile reads as any binary file
            else:
                yield file
    except FileNotFoundError:
        raise _no_log("no command of ipexenv has failed here yet" if last else f"there is no file {path}") from None
    except (OSError, EOFError, zlib.error) as error:
        raise OutsideError(
            f"cannot read {path}: {getattr(error, 'strerror', None) or error}",
            code="unreadable-log",
            hint="name a text file, or pipe the log in",
        ) from None


def piped_in() -> BinaryIO:
    """Return standard input; raises UsageError where this process has none."""
    if sys.stdin is None:  # it was closed before we were started
        raise _no_log("standard input is closed")
    return sys.stdin.buffer


def _no_log(message: str) -> UsageError:
    return UsageError(message, code="no-log", hint="name a log with `ipexenv explain FILE`, or pipe one in")


def pieces(log: Readable, passed_on: BinaryIO | None = None) -> Iterator[bytes]:
    """Give the bytes of ``log`` as they come, each written to ``passed_on`` before it is looked at.

    Where nobody reads ``passed_on`` any more, the log is read to its end all the same.
    """
    read: Callable[[int], bytes] = getattr(log, "read1", log.read)
    while piece := read(BLOCK_BYTES):
        if passed_on is not None:
            try:
                passed_on.write(piece)
                passed_on.flush()
            except OSError:
                passed_on = None
        yield piece


def last_log(world: World) -> Path | None:
    """Return where the output of the last failing command is kept; None for a user without a home.

    IPEXENV_STATE_DIR, else the folder for such things of the XDG Base Directory Specification.
    """
    env = world.env
    if env.get("IPEXENV_STATE_DIR"):
        return world.directory / env["IPEXENV_STATE_DIR"] / LAST_LOG
    if env.get("XDG_STATE_HOME"):
        return world.directory / env["XDG_STATE_HOME"] / "ipexenv" / LAST_LOG
    return Path(env["HOME"]) / ".local" / "state" / "ipexenv" / LAST_LOG if env.get("HOME") else None


def keep_last(world: World, text: str) -> None:
    """Keep the output of a failing command for ``explain --last``; where that cannot be done nothing happens."""
    path = last_log(world)
    if path is None:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        draft.write_text(text, encoding="utf-8", errors="replace")
        draft.replace(path)
    except OSError:
        return


def last_text(world: World) -> str | None:
    """Return the output of the last failing command, None where there is none."""
    path = last_log(world)
    try:
        return None if path is None else path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
