"""Putting right what was cut off, and undoing what was completed."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ipexenv.errors import OutsideError
from ipexenv.reading import MalformedError
from ipexenv.transaction.journal import complete, read_journal, read_last, write_journal
from ipexenv.transaction.snapshot import Snapshot, SnapshotError, restore
from ipexenv.transaction.state import FOLDER, remove_durably, write_durably

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ipexenv.transaction.journal import Journal
    from ipexenv.transaction.state import StateFolder

SNAPSHOT_FILE = "snapshot.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Recovery:
    """What was done about a change."""

    journal: Journal
    result: Literal["undone", "finished"]


def save_snapshot(snapshot: Snapshot, store: Path) -> None:
    """Write the snapshot's list beside the files that it keeps. Raises OSError."""
    write_durably(store / SNAPSHOT_FILE, snapshot.as_mapping())


def load_snapshot(store: Path) -> Snapshot:
    """Return the snapshot in a folder. Raises OutsideError where it is missing or damaged."""
    path = store / SNAPSHOT_FILE
    try:
        return Snapshot.from_mapping(json.loads(path.read_text(encoding="utf-8")), where=str(path))
    except (OSError, ValueError, RecursionError) as error:
        cause = str(error) if isinstance(error, MalformedError) else f"{type(error).__name__}: {error}"
        raise _no_way_back(path, cause) from None


def recover(state: StateFolder, *, is_whole: Callable[[Journal], bool]) -> Recovery | None:
    """Finish or undo the change that was cut off, and say which; None where there is none. The caller holds the lock.

    One that had installed everything is finished if ``is_whole`` says that all of it is really there; any other is
    undone. Can be cut off itself and called again. Raises OutsideError where the environment cannot be put right.
    """
    journal = read_journal(state)
    if journal is None:
        _sweep(state)
        return None
    if journal.stage == "changed" and is_whole(journal):
        finish(state, journal)
        return Recovery(journal=journal, result="finished")
    undo(state, journal)
    return Recovery(journal=journal, result="undone")


def finish(state: StateFolder, journal: Journal) -> None:
    """Make the change under way the last one, and forget the one before it. Raises OSError."""
    state.reserve.unlink(missing_ok=True)
    complete(state, journal)
    _sweep(state)


def undo(state: StateFolder, journal: Journal) -> None:
    """Put the old environment back, and forget the change. Raises OutsideError where that cannot be done.

    An undoing that is cut off goes on the next time, which the journal says; where there is no room for these words,
    a change that had not installed everything is undone without them.
    """
    try:
        state.reserve.unlink(missing_ok=True)
        if journal.stage != "preparing":
            _say_undoing(state, journal)
        if journal.new_environment:
            remove_environment(state)
            return
        if journal.stage != "preparing":
            _restore(state.snapshot(journal.identity))
        _forget_last(state, journal)
        remove_durably(state.journal)
    except OSError as error:
        raise _not_restored(error) from None
    _sweep(state)


def undo_last(state: StateFolder) -> Journal | None:
    """Undo the last change that was completed, and return it; None where there is none. The caller holds the lock.

    Raises OutsideError where that cannot be done.
    """
    journal = read_last(state)
    if journal is None:
        return None
    if not journal.new_environment:
        load_snapshot(state.snapshot(journal.identity))
    try:
        write_journal(state, journal.at("undoing"))
        remove_durably(state.last)
    except OSError as error:
        raise _not_restored(error) from None
    undo(state, journal.at("undoing"))
    return journal


def remove_environment(state: StateFolder) -> None:
    """Remove an environment that the change made; the journal goes last, so that this can be cut off and done again."""
    top = state.path.parent
    for entry in top.iterdir():
        if entry.name != FOLDER:
            _remove(entry)
    for entry in state.path.iterdir():
        if entry not in {state.journal, state.lock}:
            _remove(entry)
    state.journal.unlink(missing_ok=True)
    shutil.rmtree(state.path, ignore_errors=True)
    if not any(top.iterdir()):
        top.rmdir()


def _say_undoing(state: StateFolder, journal: Journal) -> None:
    try:
        write_journal(state, journal.at("undoing"))
    except OSError:
        if journal.stage == "changed":
            raise


def _forget_last(state: StateFolder, journal: Journal) -> None:
    """Take back the words that the change was completed, where they were written and it was not, after all."""
    last = read_last(state)
    if last is not None and last.identity == journal.identity:
        remove_durably(state.last)


def _restore(store: Path) -> None:
    snapshot = load_snapshot(store)
    try:
        restore(snapshot, store)
    except SnapshotError as error:
        raise _no_way_back(store, str(error)) from None


def _not_restored(error: OSError) -> OutsideError:
    return OutsideError(
        "the old environment could not be put back",
        code="not-restored",
        causes=(f"{error.filename}: {error.strerror}" if error.filename else str(error),),
        hint="remove the cause and run `ipexenv rollback`: it goes on where it stopped",
    )


def _sweep(state: StateFolder) -> None:
    """Remove snapshots and wheels that no journal speaks of."""
    wanted = {state.snapshot(journal.identity) for journal in (read_journal(state), read_last(state)) if journal}
    for entry in state.path.glob("before-*"):
        if entry not in wanted:
            shutil.rmtree(entry, ignore_errors=True)
    shutil.rmtree(state.staging, ignore_errors=True)
    for draft in (*state.path.glob("*.draft"), state.reserve):
        draft.unlink(missing_ok=True)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _no_way_back(path: Path, cause: str) -> OutsideError:
    return OutsideError(
        "the old environment cannot be put back",
        code="not-restored",
        causes=(cause, f"what was kept of it is in {path}"),
        hint="make the environment anew with `ipexenv install --venv DIR`",
    )
