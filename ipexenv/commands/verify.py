"""Prove the environment: imports, ISA level, bf16 path, training step, ccl allreduce, DDP step."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from ipexenv.answer import Answer
from ipexenv.errors import OutsideError
from ipexenv.events import Event
from ipexenv.outcome import Market, Request
from ipexenv.probe.choice import add_target_options, choose_target, target_words
from ipexenv.probe.look import probe
from ipexenv.report.junit import junit_xml
from ipexenv.report.verify import show_report
from ipexenv.resolve.ccl import choose_ccl
from ipexenv.resolve.situation import Situation
from ipexenv.resolve.torches import installed_torch
from ipexenv.tables.load import load_tables
from ipexenv.transaction.state import StateFolder, warning_of
from ipexenv.verify.choices import add_verify_options, chosen_seats, refuse_impossible
from ipexenv.verify.expectation import expected_ccl, expected_imports, expected_stack
from ipexenv.verify.options import DEFAULT_NPROC, VerifyOptions
from ipexenv.verify.run import verify
from ipexenv.verify.trouble import problem_of

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from ipexenv.events import Listener
    from ipexenv.facts import Facts
    from ipexenv.outcome import Stack
    from ipexenv.system.world import World


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the environment, what to expect of it and how to try it."""
    add_target_options(parser)
    add_verify_options(parser)


def run(options: argparse.Namespace, world: World, listen: Listener) -> Answer:
    """Probe, run the checks, and answer no where one of them fails; a degraded check is a yes that says why."""
    refuse_impossible(options)
    seats = chosen_seats(options, world.directory)
    facts = probe(world, choose_target(options, world))
    if cut_off := warning_of(StateFolder.of(facts.target), target_words(options)):
        listen(Event(kind="warning", text=cut_off))
    stack, why = expected_stack(facts, options.stack)
    listen(Event(kind="step", text=f"verifying the {stack} stack, because {why}"))
    ccl = expected_ccl(facts, options.ccl)
    reason = _why_no_ccl(options, world, facts, stack) if ccl == "none" else None
    wanted = VerifyOptions(
        stack=stack,
        ccl=ccl,
        ccl_reason=reason,
        import_names=expected_imports(facts, stack, ccl),
        dtype=options.dtype,
        nproc=options.nproc or DEFAULT_NPROC,
        timeout_s=options.timeout,
        seats=seats,
        launcher=options.launcher,
    )
    report = verify(world, facts, wanted, listen)
    if options.junit:
        _write(world.directory / options.junit, junit_xml(report))
    return Answer(
        data={
            "unfinished_change": cut_off is not None,
            "stack": stack,
            "ccl": {"provider": ccl, "reason": reason},
            **report.as_mapping(),
        },
        show=partial(show_report, report),
        exit_code=0 if report.passed else 1,
        problems=() if report.passed else (problem_of(report),),
    )


def _why_no_ccl(options: argparse.Namespace, world: World, facts: Facts, stack: Stack) -> str:
    if options.ccl == "none":
        return "not wanted (--ccl none)"
    tables = load_tables(None if options.tables is None else world.directory / options.tables)
    torch = installed_torch(facts, tables)
    if torch is None:
        return "torch is not installed"
    request = Request(stack=stack, allow_yanked=True)
    choice = choose_ccl(Situation.of(facts, request, tables, Market()).with_torch(torch))
    if choice.provider == "none":
        return choice.reason or "nothing provides it here"
    words = "the oneCCL bindings" if choice.provider == "bindings" else "ipexenv's bridge to oneCCL"
    return f"none is installed, and {words} {choice.version} would fit: `ipexenv install` adds it"


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise OutsideError(f"cannot write {path}: {error.strerror or error}", code="cannot-write") from None
