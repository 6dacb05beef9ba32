"""Undo the last change of an environment, or put right one that was cut off."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from ipexenv.answer import Answer
from ipexenv.errors import AnswerIsNo
from ipexenv.probe.choice import add_target_options, choose_target
from ipexenv.probe.look import probe
from ipexenv.report.rollback import show_rollback
from ipexenv.transaction.choice import add_wait_option
from ipexenv.transaction.holding import holding
from ipexenv.transaction.journal import read_last
from ipexenv.transaction.recovery import Recovery, recover, undo_last
from ipexenv.transaction.state import StateFolder
from ipexenv.transaction.strangers import strangers
from ipexenv.transaction.unfinished import state_around
from ipexenv.transaction.whole import missing_of, packages_folders

if TYPE_CHECKING:
    import argparse

    from ipexenv.events import Listener
    from ipexenv.probe.choice import TargetChoice
    from ipexenv.system.world import World


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare which environment is meant."""
    add_target_options(parser)
    add_wait_option(parser)


def run(options: argparse.Namespace, world: World, listen: Listener) -> Answer:
    """Put right what was cut off; where nothing was, undo the last change.

    Raises AnswerIsNo where there is nothing to undo, or where the environment was changed since; OutsideError where the
    old environment cannot be put back.
    """
    state = _state_of(choose_target(options, world), world)
    if not state.path.is_dir():
        raise _nothing(state)
    with holding(state, command="ipexenv rollback", listen=listen, wait_s=options.lock_wait):
        recovery = recover(state, is_whole=lambda journal: not missing_of(journal, packages_folders(state, journal)))
        if recovery is None:
            recovery = _undo(state)
    return Answer(
        data={
            "result": recovery.result,
            "environment": str(state.path.parent),
            "command": recovery.journal.command,
            "started": recovery.journal.started,
            "changes": [{"name": p.name, "before": p.before, "after": p.after} for p in recovery.journal.packages],
        },
        show=partial(show_rollback, recovery),
    )


def _state_of(where: TargetChoice, world: World) -> StateFolder:
    """Return the state folder: around the program, which may not start any more, or as the target says."""
    around = StateFolder.at(where.venv) if where.venv else state_around(where.executable)
    return around if where.venv or around.path.is_dir() else StateFolder.of(probe(world, where).target)


def _undo(state: StateFolder) -> Recovery:
    last = read_last(state)
    if last is None:
        raise _nothing(state)
    since = missing_of(last, packages_folders(state, last))
    if last.new_environment and (found := (*since, *strangers(state, last))):
        raise AnswerIsNo(
            "the environment was changed since ipexenv made it, and going back would remove all of it",
            code="changed-since",
            causes=found[:5],
            hint=f"remove {state.path.parent} yourself if nothing in it is needed any more",
        )
    if since:
        raise AnswerIsNo(
            "the environment was changed since ipexenv changed it, so going back would mix the two",
            code="changed-since",
            causes=since[:5],
            hint="`ipexenv status` says whether it fits; make it anew with `ipexenv install --venv DIR`",
        )
    undo_last(state)
    return Recovery(journal=last, result="undone")


def _nothing(state: StateFolder) -> AnswerIsNo:
    return AnswerIsNo(
        "there is no change to undo",
        code="nothing-to-undo",
        causes=(f"ipexenv has not changed {state.path.parent}, or has undone it already",),
        hint="name the environment with `--venv DIR`, if another one is meant",
    )
