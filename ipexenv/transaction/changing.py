"""The moment in which an environment is neither the old nor the new one, with the way back for every end of it."""

from __future__ import annotations

import time
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ipexenv.errors import OutsideError
from ipexenv.system.deferral import signals_deferred
from ipexenv.transaction.journal import Journal, write_journal
from ipexenv.transaction.recovery import finish, save_snapshot, undo
from ipexenv.transaction.snapshot import take

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ipexenv.transaction.journal import ChangedPackage
    from ipexenv.transaction.state import StateFolder

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """What is going to happen to an environment."""

    command: str
    """What the user called, as ``ipexenv install``."""
    packages: tuple[ChangedPackage, ...]
    paths: tuple[str, ...]
    """Absolute paths of every file that may be removed, replaced or made."""
    folders: tuple[str, ...]
    """Folders that packages are put into."""
    new_environment: bool = False
    """Whether the environment itself is made: the old state is then that there is none."""


class Changing:
    """A change under way."""

    def __init__(self, state: StateFolder, journal: Journal) -> None:
        """Keep where it is written down."""
        self._state = state
        self._journal = journal

    def installed(self) -> None:
        """Say that everything is installed: from here on a cut-off change is finished, not undone. Raises OSError."""
        self._journal = self._journal.at("changed")
        write_journal(self._state, self._journal)


@contextmanager
def changing(state: StateFolder, change: Change) -> Iterator[Changing]:
    """Let the block change the environment; undo what it did where it raises anything. The caller holds the lock.

    Raises OutsideError where the way back cannot be prepared (nothing is changed then), or cannot be gone.
    """
    journal = begin(state, change)
    under_way = Changing(state, journal)
    try:
        yield under_way
    except BaseException:
        with signals_deferred():
            undo(state, journal)
        raise
    with signals_deferred():
        finish(state, journal)


def begin(state: StateFolder, change: Change) -> Journal:
    """Write down what is going to happen, and keep what it replaces; see ``changing`` for what is raised."""
    journal = Journal(
        identity=uuid.uuid4().hex[:12],
        stage="preparing",
        command=change.command,
        started=time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        boot=boot_id(),
        new_environment=change.new_environment,
        packages=change.packages,
    )
    try:
        state.path.mkdir(parents=True, exist_ok=True)
        write_journal(state, journal)
        if not change.new_environment:
            store = state.snapshot(journal.identity)
            save_snapshot(take(change.paths, change.folders, store), store)
        journal = journal.at("changing")
        write_journal(state, journal)
    except OSError as error:
        with signals_deferred():
            undo(state, journal.at("preparing"))
        raise OutsideError(
            "the way back cannot be prepared, so nothing was changed",
            code="no-snapshot",
            causes=(f"{error.filename or state.path}: {error.strerror or error}",),
            hint="free some space or correct the permissions, and run the command again",
        ) from None
    return journal


def boot_id() -> str:
    """Return what tells one run of the machine from the next; empty where the kernel does not say."""
    try:
        return BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return ""
