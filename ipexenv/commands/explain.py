"""Say what a log means: the causes, best first, with the lines that show them and what to do."""

from __future__ import annotations

import os
import sys
from functools import partial
from typing import TYPE_CHECKING

from ipexenv.answer import Answer
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

    from ipexenv.events import Listener
    from ipexenv.facts import Facts
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

    Raises UsageError where there is no log to read, OutsideError where it cannot be read.
    """
    if options.last and options.file:
        raise UsageError(f"--last and {options.file!r} name two logs", code="usage", hint="leave one of them out")
    if options.file in {None, "-"} and not options.last and os.isatty(sys.stdin.fileno()):
        raise UsageError(
            "there is no log to explain",
            code="usage",
            causes=("nothing is piped in, and no file is named",),
            hint="`ipexenv explain FILE`, or `some-command 2>&1 | ipexenv explain`",
        )
    failures = load_failures(None if options.tables is None else world.directory / options.tables)
    with opened(world, options.file, last=options.last) as log:
        passed_on = None if options.quiet or options.file not in {None, "-"} or options.last else sys.stderr.buffer
        found = scan(pieces(log, passed_on), failures)
    facts = _facts(options, world, listen)
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


def _facts(options: argparse.Namespace, world: World, listen: Listener) -> Facts | None:
    """Look at the environment, if there is one: a log can be explained without."""
    try:
        return probe(world, choose_target(options, world))
    except OutsideError as error:
        listen(Event(kind="detail", text=f"nothing is known of the environment: {error.message}"))
        return None
