"""Changes that were cut off: seen with one look, put right before anything else is done."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ipexenv.events import Event
from ipexenv.transaction.holding import DEFAULT_WAIT_S, holding
from ipexenv.transaction.recovery import recover
from ipexenv.transaction.state import StateFolder
from ipexenv.transaction.whole import missing_of, packages_folders

if TYPE_CHECKING:
    from ipexenv.events import Listener
    from ipexenv.transaction.recovery import Recovery


def state_around(program: str) -> StateFolder:
    """Return the state folder of the environment that a Python lies in, which may not start any more."""
    return StateFolder.at(str(Path(program).parent.parent))


def put_right(state: StateFolder, *, command: str, listen: Listener, wait_s: float = DEFAULT_WAIT_S) -> Recovery | None:
    """Finish or undo a change that was cut off, and say so; None where there is none, for which one look is enough.

    Raises OutsideError where another command holds the environment, or where it cannot be put right.
    """
    if not state.journal.exists():
        return None
    with holding(state, command=command, listen=listen, wait_s=wait_s):
        return settle(state, listen)


def settle(state: StateFolder, listen: Listener) -> Recovery | None:
    """Do it for a caller who holds the lock; see ``put_right``."""
    recovery = recover(state, is_whole=lambda journal: not missing_of(journal, packages_folders(state, journal)))
    if recovery is not None:
        journal = recovery.journal
        cut = f"`{journal.command}` of {journal.started} was cut off"
        done = "it had installed everything, and is finished now"
        words = done if recovery.result == "finished" else "it is undone now"
        listen(Event(kind="warning", text=f"{cut}: {words}"))
    return recovery
