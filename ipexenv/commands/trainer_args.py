"""Print the arguments of transformers' Trainer that work here, for a command line or a script."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ipexenv.answer import Answer
from ipexenv.errors import UsageError
from ipexenv.events import Event
from ipexenv.probe.choice import add_target_options, choose_target
from ipexenv.report.trainer import FORMATS, advice_data, advice_text, reasons
from ipexenv.resolve.remote import facts_in
from ipexenv.resolve.trainer.choices import add_trainer_options, supposed, wish_from
from ipexenv.resolve.trainer.decide import advise
from ipexenv.tables.load import load_tables

if TYPE_CHECKING:
    import argparse

    from ipexenv.events import Listener
    from ipexenv.facts import Facts
    from ipexenv.system.world import World


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the target, what is wanted, what to suppose in place of what is there, and the format."""
    add_target_options(parser)
    add_trainer_options(parser)
    parser.add_argument("--format", choices=FORMATS, default="flags", help="what to print (flags)")
    parser.add_argument("--explain", action="store_true", help="say why, argument by argument, on stderr")


def run(options: argparse.Namespace, world: World, listen: Listener) -> Answer:
    """Look, decide, and print the arguments alone to stdout; what else there is to say goes to stderr.

    Raises UsageError, AnswerIsNo where these versions cannot train as asked for, OutsideError where probing fails.
    """
    wish = wish_from(options)
    tables = load_tables(None if options.tables is None else world.directory / options.tables)
    advice = advise(supposed(_facts(options, world), options), wish, tables)
    if not options.json:
        for line in reasons(advice, explain=options.explain):
            listen(Event(kind="step", text=line))
    return Answer(data=advice_data(advice), raw=advice_text(advice, options.format))


def _facts(options: argparse.Namespace, world: World) -> Facts:
    if options.facts is None:
        from ipexenv.probe.look import probe  # noqa: PLC0415 (start-up time: facts from a file need no look)

        return probe(world, choose_target(options, world))
    try:
        text = (world.directory / options.facts).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--facts {options.facts} cannot be read: {error}", code="bad-facts") from None
    return facts_in(text, where=options.facts)
