"""Where ipexenv keeps what it must remember about an environment: in the environment, so that it goes with it."""

from __future__ import annotations

import errno
import json
import os
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ipexenv.errors import OutsideError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ipexenv.facts import Target

FOLDER = ".ipexenv"
FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
"""What a full file system answers."""
_RESERVE_BYTES = 1 << 16


@dataclass(frozen=True, kw_only=True, slots=True)
class StateFolder:
    """The folder of one environment; nothing in it has to exist yet."""

    path: Path

    @classmethod
    def of(cls, target: Target) -> StateFolder:
        """Return the folder of a target: in a venv or conda environment at its top, else beside the packages."""
        own = target.environment in {"venv", "conda"} and target.prefix is not None
        base = target.prefix if own else target.site_packages or target.prefix
        return cls(path=Path(base or "/") / FOLDER)

    @classmethod
    def at(cls, prefix: str) -> StateFolder:
        """Return the folder of the virtual environment at ``prefix``."""
        return cls(path=Path(prefix) / FOLDER)

    @property
    def lock(self) -> Path:
        """The file that a command holds while it changes the environment."""
        return self.path / "lock"

    @property
    def journal(self) -> Path:
        """What is being changed; there only while a change is under way or was cut off."""
        return self.path / "journal.json"

    @property
    def last(self) -> Path:
        """The last change that was completed."""
        return self.path / "last.json"

    def snapshot(self, identity: str) -> Path:
        """Return the folder with what a change replaces."""
        return self.path / f"before-{identity}"

    @property
    def reserve(self) -> Path:
        """Some room that the way back takes where a change has filled the disk."""
        return self.path / "reserve"

    @property
    def staging(self) -> Path:
        """Wheels of the change under way."""
        return self.path / "staging"


def warning_of(state: StateFolder, words: str) -> str | None:
    """Return what to tell about a change that was cut off, None where there is none; ``words`` name the target."""
    if not os.path.lexists(state.journal):
        return None
    return f"a change of this environment was cut off: `ipexenv rollback{words}` puts it right [unfinished-change]"


@contextmanager
def naming_cut_off(venv: str | None, program: str, words: str) -> Iterator[None]:
    """Let the failure of a target name a change of it that was cut off, which may be why it fails."""
    try:
        yield
    except OutsideError as error:
        warning = warning_of(StateFolder.at(venv or str(Path(program).parent.parent)), words)
        error.causes = (*error.causes, *((warning,) if warning else ()))
        raise


def set_aside(state: StateFolder) -> None:
    """Keep room for the journal's own last words. Raises OSError where there is none."""
    state.reserve.write_bytes(b"\0" * _RESERVE_BYTES)


def write_durably(path: Path, document: dict[str, Any]) -> None:
    """Write JSON so that after a power cut either the old or the new text is there, whole. Raises OSError."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.draft")
    try:
        with draft.open("w", encoding="utf-8") as file:
            json.dump(document, file, separators=(",", ":"))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def remove_durably(path: Path) -> None:
    """Remove a file, also for after a power cut; one that is not there is fine. Raises OSError."""
    path.unlink(missing_ok=True)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a power cut."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_file_system(folder: Path) -> None:
    """Make everything that was written to the file system of a folder survive a power cut. Raises OSError."""
    import ctypes  # noqa: PLC0415 (start-up time: `status` imports this module)

    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        library = ctypes.CDLL(None, use_errno=True)
        if library.syncfs(handle) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(folder))
    finally:
        os.close(handle)
