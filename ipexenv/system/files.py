"""Read files of the host or the target where absence is an answer, not an error."""

from __future__ import annotations

import mmap
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class Files(Protocol):
    """Small text files of one machine, by their absolute paths there."""

    def text(self, path: str) -> str | None:
        """Return the text of a file without white space around it; None where it cannot be read."""
        ...

    def names(self, path: str) -> tuple[str, ...]:
        """Return the sorted names in a directory, none where it cannot be read."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Tree:
    """A directory that stands for ``/``: paths are given absolute, as the machine itself writes them."""

    root: str

    @classmethod
    def at(cls, root: Path) -> Tree:
        """Return the tree below ``root``."""
        return cls(root=str(root).rstrip("/"))

    def path(self, path: str) -> str:
        """Return where ``path`` of the machine lies here."""
        return self.root + path

    def text(self, path: str) -> str | None:
        """Return the text of a file without white space around it; None where it cannot be read."""
        return read_text(self.path(path))

    def names(self, path: str) -> tuple[str, ...]:
        """Return the sorted names in a directory, none where it cannot be read."""
        return list_names(self.path(path))


@dataclass(frozen=True, kw_only=True, slots=True)
class MappingTree:
    """Files of a machine that is elsewhere, as its own Python read them."""

    files: Mapping[str, str]
    """Text by absolute path."""

    def text(self, path: str) -> str | None:
        """See Files.text."""
        found = self.files.get(path)
        return None if found is None else found.strip()

    def names(self, path: str) -> tuple[str, ...]:
        """See Files.names; a directory is whatever files were read below it."""
        below = f"{path.rstrip('/')}/"
        return tuple(sorted({name[len(below) :].partition("/")[0] for name in self.files if name.startswith(below)}))


def read_text(path: str) -> str | None:
    """Return the text of a file without white space around it; None where it cannot be read."""
    data = read_bytes(path)
    return None if data is None else data.decode("utf-8", "replace").strip()


def read_bytes(path: str) -> bytes | None:
    """Return the bytes of a file; None where it cannot be read."""
    try:
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123 (hundreds of small files in /sys: pathlib doubles the time)
            return file.readall()
    except (OSError, ValueError):  # ValueError: a path from outside may hold a null byte
        return None


def map_bytes(path: str) -> mmap.mmap | None:
    """Return the bytes of a large file without copying them; None where it cannot be read or is empty."""
    try:
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123 (as above)
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError):
        return None


def read_until(path: str, mark: bytes, *, limit_bytes: int) -> bytes | None:
    """Return the bytes of a file up to the first ``mark``, without it; at most about ``limit_bytes``."""
    data = b""
    try:
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123 (as above)
            while len(data) < limit_bytes and mark not in data:
                chunk = file.read(16384)
                if not chunk:
                    break
                data += chunk
    except (OSError, ValueError):
        return None
    return data.partition(mark)[0]


def list_names(path: str) -> tuple[str, ...]:
    """Return the sorted names in a directory, none where it cannot be read."""
    try:
        return tuple(sorted(os.listdir(path)))  # noqa: PTH208 (names, not paths)
    except (OSError, ValueError):
        return ()
