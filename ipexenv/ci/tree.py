"""The files of an environment, and what they hold: walked without following links, hashed with every processor."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_BUFFER_BYTES = 1 << 18
_MOST_THREADS = 16


class UntrustworthyError(Exception):
    """The environment is not what the manifest says; the message names the file and why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class File:
    """A file or symbolic link of an environment."""

    name: str
    """Its path below the environment, with ``/``."""
    is_link: bool
    size_bytes: int
    mode: int
    """Permissions, as 0o644; 0 for a link."""

    @property
    def is_byte_code(self) -> bool:
        """Say whether Python made it and makes it anew."""
        return self.name.endswith(".pyc") and "/__pycache__/" in f"/{self.name}" and not self.is_link


def files_below(venv: Path) -> Iterator[File]:
    """Yield every file and link, following none.

    Raises OSError for what cannot be read, and UntrustworthyError for pipes, sockets and devices.
    """
    folders = [""]
    while folders:
        folder = folders.pop()
        with os.scandir(venv / folder) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                name = f"{folder}{entry.name}"
                told = entry.stat(follow_symlinks=False)
                if stat.S_ISDIR(told.st_mode):
                    folders.append(f"{name}/")
                elif stat.S_ISREG(told.st_mode) or stat.S_ISLNK(told.st_mode):
                    is_link = stat.S_ISLNK(told.st_mode)
                    mode = 0 if is_link else stat.S_IMODE(told.st_mode)
                    yield File(name=name, is_link=is_link, size_bytes=told.st_size, mode=mode)
                else:
                    raise UntrustworthyError(f"{name} is neither a file nor a link")


def digests(venv: Path, files: list[File]) -> dict[str, tuple[str, int, int]]:
    """Return SHA-256 (of a link ``-> target``), size and permissions of each file, by name. Raises OSError.

    There is a thread for each processor, and large files come first: hashlib and reading let other threads run.
    """
    waiting = deque(sorted(files, key=lambda file: file.size_bytes))

    def work() -> list[tuple[File, str]]:
        found, buffer = [], memoryview(bytearray(_BUFFER_BYTES))
        with contextlib.suppress(IndexError):
            while True:
                file = waiting.pop()
                found.append((file, _digest(f"{venv}/{file.name}", file, buffer)))
        return found

    threads = min(len(os.sched_getaffinity(0)), _MOST_THREADS)
    with ThreadPoolExecutor(threads) as pool:
        parts = [pool.submit(work) for _ in range(threads)]
        found = [pair for part in parts for pair in part.result()]
    return {file.name: (told, file.size_bytes, file.mode) for file, told in found}


def _digest(path: str, file: File, buffer: memoryview) -> str:
    if file.is_link:
        return f"-> {os.readlink(path)}"  # noqa: PTH115 (tens of thousands of files)
    found = hashlib.sha256()
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with open(descriptor, "rb", buffering=0) as stream:  # noqa: PTH123 (a descriptor)
        while count := stream.readinto(buffer):
            found.update(buffer[:count])
    return found.hexdigest()
