"""Probe, resolve, plan, apply, verify."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from ipexenv.answer import Answer
from ipexenv.install.engine import ENGINES, engine_name
from ipexenv.install.guard import refuse_unusable
from ipexenv.install.sources import blaming_sources, survey
from ipexenv.install.transaction import Order, carry_out
from ipexenv.install.venv import look_before
from ipexenv.plan import make_plan
from ipexenv.probe.choice import add_target_options, choose_target
from ipexenv.probe.look import probe
from ipexenv.report.install import failed_checks, install_data, show_outcome, tell_plan, with_data
from ipexenv.report.progress import on_terminal, progress
from ipexenv.resolve.ccl import may_need_bridge
from ipexenv.resolve.choices import add_choice_options, aimed_hints, request_from
from ipexenv.resolve.solve import solve_asking
from ipexenv.tables.load import load_tables
from ipexenv.verify.options import VerifyOptions
from ipexenv.verify.run import verify

if TYPE_CHECKING:
    import argparse

    from ipexenv.events import Listener
    from ipexenv.facts import Facts
    from ipexenv.outcome import Market, Resolution
    from ipexenv.plan import Plan
    from ipexenv.system.world import World
    from ipexenv.tables.schema import Tables


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare what is wanted, where, and how it is to be done."""
    add_target_options(parser)
    add_choice_options(parser)
    group = parser.add_argument_group("how it is done")
    group.add_argument("--engine", choices=ENGINES, default="auto", help="uv where it is there (auto), pip, or uv")
    group.add_argument("--dry-run", action="store_true", help="print the plan and change nothing")
    group.add_argument("--verify", action="store_true", help="prove the environment afterwards")


def run(options: argparse.Namespace, world: World, listen: Listener) -> Answer:
    """Install what fits and is not there yet.

    Raises UsageError, AnswerIsNo where nothing fits, OutsideError where a source, the engine or the target fails.
    """
    with progress(listen, world.env, enabled=on_terminal(quiet=options.quiet)) as tell:
        return _install(options, world, tell)


def _install(options: argparse.Namespace, world: World, listen: Listener) -> Answer:
    tables = load_tables(None if options.tables is None else world.directory / options.tables)
    where = choose_target(options, world, may_make=True)
    facts, venv = look_before(where, world, libraries=tables.needed_libraries)
    resolution, plan, market = _decide(options, world, tables, facts, venv, listen)
    data = install_data(resolution, plan, market)
    to_do = not (plan.nothing_to_do or options.dry_run)
    if to_do:
        tell_plan(plan, resolution, listen)
        order = Order(
            look=partial(probe, world, where, libraries=tables.needed_libraries),
            base=where.base,
            engine=options.engine,
            user_sources=tuple(options.source),
            offline=options.offline,
            show_progress=on_terminal(quiet=options.quiet),
        )
        with with_data(data):
            facts = carry_out(plan, resolution, order, world, listen)
    report = None
    if options.verify and not options.dry_run:
        report = verify(world, facts, VerifyOptions.for_resolution(resolution), listen)
    return Answer(
        data=data | {"changed": to_do} | ({} if report is None else {"verify": report.as_mapping()}),
        show=partial(show_outcome, resolution=resolution, plan=plan, changed=to_do, report=report),
        exit_code=0 if report is None or report.passed else 1,
        problems=failed_checks(report),
    )


def _decide(  # noqa: PLR0913, PLR0917 (two stages' results, the user's word, and the outside world)
    options: argparse.Namespace, world: World, tables: Tables, facts: Facts, venv: str | None, listen: Listener
) -> tuple[Resolution, Plan, Market]:
    """Decide from the tables, and ask the sources only where they can change what is to be done."""
    request, sources = request_from(options), tuple(options.source)
    engine = engine_name(options.engine, facts.target, world)
    ask = partial(survey, world, tables=tables, facts=facts, user_sources=sources, listen=listen)

    def ask_for_a_change() -> Market:
        refuse_unusable(facts.target)
        return ask(engine=engine, offline=options.offline, bridge=may_need_bridge(request))

    with aimed_hints(options), blaming_sources():
        resolution, market = solve_asking(facts, request, tables, ask_for_a_change, offline=False, sources=sources)
    return resolution, make_plan(resolution, facts, venv=venv, engine=engine), market
