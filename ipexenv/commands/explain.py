"""Say what a log means: the causes, best first, with the lines that show them and what to do."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING

from ipexenv.answer import Answer
from ipexenv.doctor.decoding import as_utf8
from ipexenv.doctor.last_words import last_words
from ipexenv.doctor.log import opened, pieces
from ipexenv.doctor.ranking import benign, rank, suspicious_lines
from ipexenv.doctor.scanning import scan
from ipexenv.doctor.words import cure_words
from ipexenv.errors import OutsideError, UsageError
from ipexenv.events import Event
from ipexenv.probe.choice import add_target_options, choose_target, target_words
from ipexenv.probe.look import probe
from ipexenv.report.explain import Explanation, explanation_data, show_explanation
from ipexenv.tables.load_failures import load_failures

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator
    from typing import BinaryIO

    from ipexenv.events import Listener
    from ipexenv.facts import Facts
    from ipexenv.probe.choice import TargetChoice
    from ipexenv.system.world import World


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare where the log comes from and which environment it is about."""
    parser.add_argument(
        "file", nargs="?", metavar="FILE", help="the log; `-`, or nothing, reads what is piped in and passes it on"
    )
    parser.add_argument("--last", action="store_true", help="explain the last failure of an ipexenv command")
    parser.add_argument("--all", action="store_true", help="show every cause that was found, benign messages too")
    add_target_options(parser)


def run(options: argparse.Namespace, world: World, listen: Listener) -> Answer:
    """Read the log to its end and answer yes where it shows a known cause, no where it shows none.

    Ctrl-C ends a log that is piped in, and what came is explained. Raises UsageError where there is no log to read,
    OutsideError where it cannot be read.
    """
    if options.last and options.file:
        raise UsageError(f"--last and {options.file!r} name two logs", code="usage", hint="leave one of them out")
    where = choose_target(options, world)
    failures = load_failures(None if options.tables is None else world.directory / options.tables)
    with opened(world, options.file, last=options.last) as log:
        found = scan(as_utf8(_pieces(log, options, listen)), failures)
    facts = _facts(where, world, listen)
    causes = rank(found, facts)
    explanation = Explanation(
        scan=found,
        causes=causes,
        words=cure_words(facts, target_words(options)),
        suspects=() if causes else suspicious_lines(found.tail),
        harmless=benign(found),
    )
    return Answer(
        data=explanation_data(explanation),
        show=partial(show_explanation, explanation, everything=options.all),
        exit_code=0 if causes else 1,
    )


def _pieces(log: BinaryIO, options: argparse.Namespace, listen: Listener) -> Iterator[bytes]:
    """Give what the log holds; what is piped in is passed on to stderr, and what is pasted stands there already."""
    if options.last or options.file not in {None, "-"}:
        yield from pieces(log)
        return
    pasted = log.isatty()
    if pasted:
        listen(Event(kind="step", text="paste the log here and end it with Ctrl-D on a line of its own"))
    passed_on = None if options.quiet or pasted or sys.stderr is None else sys.stderr.buffer
    note = Event(kind="step", text="Ctrl-C: the program may end what it says; once more leaves at once")
    with last_words(log, lambda: listen(note)) as heard:
        yield from pieces(heard, passed_on)


def _facts(where: TargetChoice, world: World, listen: Listener) -> Facts | None:
    """Look at the environment, if there is one: a log can be explained without."""
    try:
        return probe(world, where)
    except OutsideError as error:
        listen(Event(kind="detail", text=f"nothing is known of the environment: {error.message}"))
        return None
