"""The moment in which an environment is neither the old nor the new one, with the way back for every end of it."""

from __future__ import annotations

import threading
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
from ipexenv.transaction.state import FULL, set_aside, sync_file_system

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
        self._syncing: threading.Thread | None = None
        self._trouble: OSError | None = None

    def installed(self) -> None:
        """Say that everything is installed: from here on a cut-off change is finished, not undone. Raises OSError.

        What was installed is written to the disk meanwhile, beside what the caller does next.
        """
        self._journal = self._journal.at("changed")
        write_journal(self._state, self._journal)
        self._syncing = threading.Thread(target=self._sync, daemon=True, name="ipexenv-sync")
        self._syncing.start()

    def settle(self) -> Journal:
        """Wait until everything is on the disk, and return the journal as it stands. Raises OSError."""
        if self._syncing is not None:
            self._syncing.join()
        if self._trouble is not None:
            raise self._trouble
        return self._journal

    @property
    def journal(self) -> Journal:
        """Return how far the change is."""
        return self._journal

    def _sync(self) -> None:
        try:
            sync_file_system(self._state.path)
        except OSError as error:
            self._trouble = error


@contextmanager
def changing(state: StateFolder, change: Change) -> Iterator[Changing]:
    """Let the block change the environment; undo what it did where it raises anything. The caller holds the lock.

    Raises OutsideError where the way back cannot be prepared (nothing is changed then), where the change cannot be
    completed (it is undone then), or where it cannot be undone.
    """
    under_way = Changing(state, begin(state, change))
    try:
        yield under_way
        journal = under_way.settle()
        with signals_deferred():
            finish(state, journal)
    except BaseException as error:
        with signals_deferred():
            undo(state, under_way.journal)
        if isinstance(error, OSError):
            raise _incomplete(error, state) from None
        raise


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
        folders=change.folders,
    )
    try:
        state.path.mkdir(parents=True, exist_ok=True)
        write_journal(state, journal)
        set_aside(state)
        if not change.new_environment:
            store = state.snapshot(journal.identity)
            save_snapshot(take(change.paths, change.folders, store), store)
        changing_now = journal.at("changing")
        write_journal(state, changing_now)
    except BaseException as error:
        with signals_deferred():
            undo(state, journal)
        if isinstance(error, OSError):
            raise _unprepared(error, state) from None
        raise
    return changing_now


def boot_id() -> str:
    """Return what tells one run of the machine from the next; empty where the kernel does not say."""
    try:
        return BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _unprepared(error: OSError, state: StateFolder) -> OutsideError:
    return OutsideError(
        "the way back cannot be prepared, so nothing was changed",
        code="no-snapshot",
        causes=(_words(error, state),),
        hint="free some space or correct the permissions, and run the command again",
    )


def _incomplete(error: OSError, state: StateFolder) -> OutsideError:
    return OutsideError(
        "the change could not be completed",
        code="disk-full" if error.errno in FULL else "not-writable",
        causes=(_words(error, state),),
        hint="free some space or correct the permissions, and run the command again",
    )


def _words(error: OSError, state: StateFolder) -> str:
    return f"{error.filename or state.path}: {error.strerror or error}"
