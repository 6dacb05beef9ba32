"""Download everything that a lock names into a folder, which is then a source by itself and behind any file server."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ipexenv import __version__
from ipexenv.answer import Answer
from ipexenv.fetch.choice import add_cache_options, cache_from
from ipexenv.install.engine import ENGINES
from ipexenv.install.lock_file import load_lock
from ipexenv.lock.making import make_lock
from ipexenv.locking import lock_targets
from ipexenv.probe.choice import add_target_options
from ipexenv.report.progress import on_terminal, progress
from ipexenv.report.wheelhouse import house_data, show_house
from ipexenv.resolve.choices import add_choice_options
from ipexenv.resolve.remote import add_remote_options
from ipexenv.tables.digest import tables_digest
from ipexenv.tables.load import load_tables
from ipexenv.wheelhouse.filling import HouseOrder, fill

if TYPE_CHECKING:
    import argparse

    from ipexenv.events import Listener
    from ipexenv.lock.model import Lock
    from ipexenv.system.world import World
    from ipexenv.tables.schema import Tables


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the folder, what goes into it, and how that is had."""
    parser.add_argument("folder", metavar="DIR", help="where everything goes; made where it is not there")
    add_target_options(parser)
    add_choice_options(parser)
    add_remote_options(parser)
    group = parser.add_argument_group(
        "what goes into it", "Here --target-python and --platform take lists, as 3.10,3.12: the folder serves them all."
    )
    group.add_argument("--from-lock", metavar="FILE", help="what this lock names, instead of deciding it here")
    group.add_argument("--engine", choices=ENGINES, default="auto", help="which engine finds the files")
    group.add_argument(
        "--allow-insecure", action="append", default=[], metavar="HOST", help="fetch over plain http from HOST as well"
    )
    add_cache_options(parser)


def run(options: argparse.Namespace, world: World, listen: Listener) -> Answer:
    """Read the lock, or decide and lock, then fetch and build what is not there yet.

    Raises UsageError, AnswerIsNo where nothing fits, OutsideError where a source, the engine or the target fails.
    """
    tables = load_tables(None if options.tables is None else world.directory / options.tables)
    order = HouseOrder(
        folder=(world.directory / Path(options.folder).expanduser()).resolve(),
        cache=cache_from(options, world),
        user_sources=tuple(options.source),
        allow_insecure=tuple(options.allow_insecure),
        require_known=options.require_known,
    )
    with progress(listen, world.env, enabled=on_terminal(quiet=options.quiet)) as tell:
        house = fill(_lock(options, world, tables, tell), tables, order, world, tell)
    return Answer(data=house_data(house), show=partial(show_house, house=house, named=options.folder))


def _lock(options: argparse.Namespace, world: World, tables: Tables, listen: Listener) -> Lock:
    if options.from_lock is not None:
        return load_lock(options.from_lock, world)
    targets = tuple(lock_targets(options, world, tables, listen))
    digest = tables_digest(tables.origin)
    return make_lock(targets, stack=options.stack, tables=digest, created_by=f"ipexenv {__version__}")
