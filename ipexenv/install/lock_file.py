"""Read the lock that the user names."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from ipexenv.errors import UsageError
from ipexenv.lock.reading import read_lock

if TYPE_CHECKING:
    from ipexenv.lock.model import Lock
    from ipexenv.system.world import World


def load_lock(name: str, world: World) -> Lock:
    """Return the lock in the file that the user names; raise UsageError where it cannot be read."""
    file = world.directory / name
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"the lock {name} cannot be read: {getattr(error, 'strerror', None) or 'it is not UTF-8'}",
            code="no-lock",
            hint="write one with `ipexenv lock`, or name it with `--from-lock FILE`",
        ) from None
    return read_lock(text, where=name, folder=PurePosixPath(file.resolve().parent))
