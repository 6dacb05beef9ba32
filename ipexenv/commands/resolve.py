"""Say what `install` would choose, here or for a machine that is not here. Changes nothing."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from ipexenv.answer import Answer, Problem
from ipexenv.errors import AnswerIsNo, UsageError
from ipexenv.probe.choice import add_target_options, choose_target
from ipexenv.probe.isa import isa_level
from ipexenv.report.resolve import explanation_text, rejections_text, resolution_text
from ipexenv.resolve.ccl import may_need_bridge
from ipexenv.resolve.choices import add_choice_options, aim_hint, request_from
from ipexenv.resolve.explain import explain_choices
from ipexenv.resolve.remote import add_remote_options, facts_in, is_remote, refuse_two_targets, remote_facts
from ipexenv.resolve.solve import solve_asking
from ipexenv.tables.load import load_releases, load_tables

if TYPE_CHECKING:
    import argparse

    from ipexenv.events import Listener
    from ipexenv.facts import Facts
    from ipexenv.outcome import Market, Request, Resolution
    from ipexenv.system.world import World
    from ipexenv.tables.schema import Tables


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the target (here or elsewhere), what is wanted, and how much to say."""
    add_target_options(parser)
    add_choice_options(parser)
    add_remote_options(parser)
    parser.add_argument("--explain", action="store_true", help="say why: each choice, and each rejected release")


def run(options: argparse.Namespace, world: World, listen: Listener) -> Answer:
    """Decide, and answer no with the facts that clash where nothing fits.

    Raises UsageError for a value that cannot be, AnswerIsNo, and OutsideError where probing or every source fails.
    """
    request = request_from(options)
    load = load_releases if options.offline and not options.source else load_tables
    tables = load(None if options.tables is None else world.directory / options.tables)
    facts = _facts(options, world, tables)
    try:
        ask = partial(_survey, options, world, tables, facts, listen, bridge=may_need_bridge(request))
        resolution, _ = solve_asking(facts, request, tables, ask, offline=options.offline, sources=options.source)
    except AnswerIsNo as error:
        aim_hint(error, options)
        if not options.explain:
            raise
        return _explained_no(error)
    return _answer(resolution, request, tables, explain=options.explain)


def _facts(options: argparse.Namespace, world: World, tables: Tables) -> Facts:
    refuse_two_targets(options)
    if not is_remote(options):
        from ipexenv.probe.look import probe  # noqa: PLC0415 (start-up time: a remote target needs no look)

        return probe(world, choose_target(options, world), libraries=tables.needed_libraries)
    base = None if options.facts is None else _read_facts(options.facts, world)
    return remote_facts(options, base, isa_of=isa_level)


def _read_facts(name: str, world: World) -> Facts:
    try:
        text = (world.directory / name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--facts {name} cannot be read: {error}", code="bad-facts") from None
    return facts_in(text, where=name)


def _survey(  # noqa: PLR0913 (the user's word, the outside world, two stages' results, and what to ask for)
    options: argparse.Namespace, world: World, tables: Tables, facts: Facts, listen: Listener, *, bridge: bool
) -> Market:
    from ipexenv.install.sources import survey  # noqa: PLC0415 (start-up time: deciding offline asks nobody)

    ask = partial(survey, world, tables=tables, facts=facts, listen=listen)
    return ask(user_sources=tuple(options.source), offline=options.offline, bridge=bridge)


def _answer(resolution: Resolution, request: Request, tables: Tables, *, explain: bool) -> Answer:
    if not explain:
        return Answer(data=resolution.as_mapping(), raw=resolution_text(resolution))
    why = [{"name": name, "why": reason} for name, reason in explain_choices(resolution, request, tables)]
    return Answer(data={**resolution.as_mapping(), "why": why}, raw=explanation_text(resolution, request, tables))


def _explained_no(error: AnswerIsNo) -> Answer:
    """Answer no with the rejections on stdout and the error on stderr."""
    data = dict(error.data or {})
    problem = Problem(code=error.code, message=error.message, causes=error.causes, hint=error.hint)
    return Answer(data=data, raw=rejections_text(data.get("rejections", ())), exit_code=1, problems=(problem,))
