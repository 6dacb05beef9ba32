"""What `rollback` did, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from ipexenv.transaction.recovery import Recovery


def show_rollback(recovery: Recovery, console: Console) -> None:
    """Say what was undone or finished."""
    journal = recovery.journal
    call = f"`{journal.command}` of {journal.started}"
    if recovery.result == "finished":
        console.print(f"finished: {call} had installed everything when it was cut off")
    elif journal.new_environment:
        console.print(f"undone: {call}; the environment that it made is removed")
    else:
        console.print(f"undone: {call}; the environment is as it was before")
    if recovery.result == "undone" and journal.new_environment:
        return
    for package in journal.packages:
        before, after = package.before or "absent", package.after or "absent"
        console.print(f"  {package.name}: {after if recovery.result == 'finished' else f'{after} -> {before}'}")
