"""Probe, resolve, plan, apply, verify; or the same from a lock."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from ipexenv.answer import Answer
from ipexenv.fetch.choice import add_cache_options
from ipexenv.install.engine import ENGINES
from ipexenv.installing import Proof, carry, decide, decide_from_lock, look_and_put_right, order_for, rollback_command
from ipexenv.probe.choice import add_target_options, choose_target
from ipexenv.report.install import failed_checks, install_data, show_outcome, tell_plan, with_data
from ipexenv.report.progress import on_terminal, progress
from ipexenv.resolve.choices import add_choice_options, request_from
from ipexenv.resolve.explain import explain_choices
from ipexenv.tables.load import load_tables
from ipexenv.transaction.choice import add_wait_option
from ipexenv.verify.options import VerifyOptions

if TYPE_CHECKING:
    import argparse

    from ipexenv.events import Listener
    from ipexenv.system.world import World


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare what is wanted, where, and how it is to be done."""
    add_target_options(parser)
    add_choice_options(parser)
    group = parser.add_argument_group("how it is done")
    group.add_argument(
        "--from-lock", metavar="FILE", help="install exactly what this lock names, and ask no index page"
    )
    group.add_argument("--engine", choices=ENGINES, default="auto", help="uv where it is there (auto), pip, or uv")
    group.add_argument("--dry-run", action="store_true", help="print the plan and change nothing")
    group.add_argument("--verify", action="store_true", help="prove the environment afterwards, or undo everything")
    group.add_argument("--keep", action="store_true", help="keep what was installed even if it does not prove itself")
    group.add_argument(
        "--allow-insecure", action="append", default=[], metavar="HOST", help="accept plain http from HOST (repeatable)"
    )
    add_wait_option(group)
    add_cache_options(parser)


def run(options: argparse.Namespace, world: World, listen: Listener) -> Answer:
    """Install what fits and is not there yet, whole or not at all.

    Raises UsageError, AnswerIsNo where nothing fits, OutsideError where a source, the engine or the target fails.
    """
    with progress(listen, world.env, enabled=on_terminal(quiet=options.quiet)) as tell:
        return _install(options, world, tell)


def _install(options: argparse.Namespace, world: World, listen: Listener) -> Answer:
    tables = load_tables(None if options.tables is None else world.directory / options.tables)
    where = choose_target(options, world, may_make=True)
    looked = look_and_put_right(options, where, world, tables, listen)
    if options.from_lock is None:
        decision = decide(options, world, tables, looked, listen)
    else:
        decision = decide_from_lock(options, world, tables, looked)
    resolution, plan = decision.resolution, decision.plan
    why = () if options.from_lock is not None else explain_choices(resolution, request_from(options), tables)
    data = install_data(resolution, plan, decision.market, why)
    wanted = VerifyOptions.for_resolution(resolution)
    proof = Proof(world=world, wanted=wanted, listen=listen, whole=options.verify, keep=options.keep)
    to_do, undone = not (plan.nothing_to_do or options.dry_run), False
    if to_do:
        tell_plan(plan, resolution, listen)
        with with_data(data):
            order = order_for(options, decision, where, proof, world=world, tables=tables)
            undone = not carry(order, decision, world=world, listen=listen)
    elif options.verify and not options.dry_run:
        proof.keep = True  # there is nothing to undo
        proof(decision.facts)
    report, changed = proof.report, to_do and not undone
    more = {"changed": changed, "rolled_back": undone}
    shown = partial(show_outcome, resolution=resolution, plan=plan, report=report, way_back=rollback_command(options))
    return Answer(
        data=data | more | ({} if report is None else {"verify": report.as_mapping()}),
        show=partial(shown, changed=changed, rolled_back=undone),
        exit_code=0 if report is None or report.passed else 1,
        problems=failed_checks(report, rolled_back=undone),
    )
