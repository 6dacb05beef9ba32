"""Write pylock.toml: every file of the environment that `install` would make, or that is there."""

from __future__ import annotations

from functools import partial
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from ipexenv import __version__
from ipexenv.answer import Answer
from ipexenv.errors import AnswerIsNo, UsageError
from ipexenv.events import Event
from ipexenv.install.engine import ENGINES
from ipexenv.lock.making import make_lock
from ipexenv.lock.names import LOCK_NAME, is_lock_name
from ipexenv.lock.writing import lock_text
from ipexenv.locking import lock_targets, stack_of_what_is_there
from ipexenv.probe.choice import add_target_options
from ipexenv.report.lock import lock_data, show_lock
from ipexenv.report.progress import on_terminal, progress
from ipexenv.resolve.choices import add_choice_options
from ipexenv.resolve.remote import add_remote_options
from ipexenv.system.writing import write_atomically
from ipexenv.tables.digest import tables_digest
from ipexenv.tables.load import load_tables

if TYPE_CHECKING:
    import argparse

    from ipexenv.events import Listener
    from ipexenv.system.world import World


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the target (here, or others elsewhere), what is wanted, and where the lock goes."""
    add_target_options(parser)
    add_choice_options(parser)
    add_remote_options(parser)
    group = parser.add_argument_group(
        "the lock", "Here --target-python and --platform take lists, as 3.10,3.11: one lock serves them all."
    )
    group.add_argument("--engine", choices=ENGINES, default="auto", help="which engine finds the files")
    group.add_argument(
        "-o", "--output", metavar="FILE", default=LOCK_NAME, help="pylock.toml (default) or pylock.NAME.toml"
    )


def run(options: argparse.Namespace, world: World, listen: Listener) -> Answer:
    """Decide for each target, find every file, and write the lock in one step.

    Raises UsageError, AnswerIsNo where nothing fits, OutsideError where a source, the engine or the target fails.
    """
    file = world.directory / options.output
    if not is_lock_name(file.name):
        raise UsageError(
            f"{file.name} is no name for a lock",
            code="usage",
            causes=("PEP 751 has names for them, by which installers know them",),
            hint="call it pylock.toml, or pylock.NAME.toml with a name without dots",
        )
    tables = load_tables(None if options.tables is None else world.directory / options.tables)
    with progress(listen, world.env, enabled=on_terminal(quiet=options.quiet)) as tell:
        try:
            targets = tuple(lock_targets(options, world, tables, tell))
        except AnswerIsNo as error:
            options.stack = stack_of_what_is_there(options, error)
            listen(Event(kind="step", text="no IPEX is there and none fits this torch: locking the native stack"))
            targets = tuple(lock_targets(options, world, tables, tell))
    made_by = {"tables": tables_digest(tables.origin), "created_by": f"ipexenv {__version__}"}
    lock = make_lock(targets, stack=options.stack, **made_by)
    try:
        write_atomically(file, lock_text(lock, folder=PurePosixPath(file.resolve().parent)))
    except OSError as error:
        raise UsageError(
            f"{file} cannot be written: {error.strerror}", code="not-writable", hint="name another with `-o FILE`"
        ) from None
    return Answer(data=lock_data(lock, str(file)), show=partial(show_lock, lock=lock, file=options.output))
