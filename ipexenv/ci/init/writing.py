"""Write several files, all of them or none."""

from __future__ import annotations

import contextlib
import os
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from ipexenv.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

Deed = Literal["written", "replaced", "unchanged"]


@dataclass(frozen=True, kw_only=True, slots=True)
class NewFile:
    """A file to write."""

    path: Path
    text: str


def write_all(files: Sequence[NewFile], *, force: bool) -> tuple[Deed, ...]:
    """Write every file, and say of each what was done; what is there already with this very text stays.

    Raises UsageError where another file is there and ``force`` is false, or one cannot be written: all is then as
    before.
    """
    deeds = tuple(_deed(file, force=force) for file in files)
    change = _Change()
    try:
        for file, deed in zip(files, deeds, strict=True):
            if deed != "unchanged":
                change.stage(file)
        change.commit()
    except OSError as error:
        change.undo()
        raise UsageError(
            f"{change.current} cannot be written: {error.strerror}",
            code="not-writable",
            causes=("nothing was written",),
            hint="write elsewhere with `-o PATH`",
        ) from None
    except BaseException:
        change.undo()
        raise
    change.forget()
    return deeds


def _deed(file: NewFile, *, force: bool) -> Deed:
    try:
        there = file.path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        if not file.path.is_symlink():
            return "written"
        there = None
    except OSError:
        there = None
    if there == file.text.encode():
        return "unchanged"
    if force:
        return "replaced"
    raise UsageError(
        f"{file.path} is there already",
        code="file-exists",
        causes=("nothing was written",),
        hint="replace it with `--force`, or write elsewhere with `-o PATH`",
    )


@dataclass(slots=True)
class _Change:
    """Files on their way: written beside their places, then all put there."""

    staged: list[tuple[Path, Path]] = field(default_factory=list)
    """The text that lies ready, and its place."""
    kept: list[tuple[Path, Path]] = field(default_factory=list)
    """What was there before, and its place."""
    placed: list[Path] = field(default_factory=list)
    folders: list[Path] = field(default_factory=list)
    current: Path | None = None
    """The file that is being worked on."""

    def stage(self, file: NewFile) -> None:
        self.current = file.path
        place = file.path.resolve()  # a symbolic link stays one
        missing = [folder for folder in (place.parent, *place.parent.parents) if not folder.exists()]
        for folder in reversed(missing):
            folder.mkdir()
            self.folders.append(folder)
        beside = _beside(place)
        self.staged.append((beside, place))
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666), "wb") as stream:
            stream.write(file.text.encode())
            stream.flush()
            os.fsync(stream.fileno())

    def commit(self) -> None:
        for beside, place in self.staged:
            self.current = place
            if place.exists():
                old = _beside(place)
                place.rename(old)
                self.kept.append((old, place))
            beside.rename(place)
            self.placed.append(place)

    def undo(self) -> None:
        for place in self.placed:
            with contextlib.suppress(OSError):
                place.unlink()
        for old, place in self.kept:
            with contextlib.suppress(OSError):
                old.rename(place)
        for beside, _ in self.staged:
            with contextlib.suppress(OSError):
                beside.unlink()
        for folder in reversed(self.folders):
            with contextlib.suppress(OSError):
                folder.rmdir()

    def forget(self) -> None:
        for old, _ in self.kept:
            with contextlib.suppress(OSError):
                old.unlink()


def _beside(place: Path) -> Path:
    return place.with_name(f".{place.name}.{secrets.token_hex(6)}.part")
