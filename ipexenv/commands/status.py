"""Say what is installed and whether it fits, without importing torch."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from ipexenv.answer import Answer
from ipexenv.probe.choice import add_target_options, choose_target, target_words
from ipexenv.probe.target import ask_target
from ipexenv.system.background import Background
from ipexenv.transaction.state import StateFolder, naming_cut_off, warning_of

if TYPE_CHECKING:
    import argparse

    from ipexenv.events import Listener
    from ipexenv.probe.choice import TargetChoice
    from ipexenv.probe.target import TargetReport
    from ipexenv.system.world import World
    from ipexenv.tables.schema import Tables


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare which environment to look at."""
    add_target_options(parser)


def run(options: argparse.Namespace, world: World, listen: Listener) -> Answer:  # noqa: ARG001 (the protocol of commands)
    """Probe, judge by the tables, and answer no where what is installed is known not to fit."""
    where = choose_target(options, world)
    tables = Background(partial(_tables, options, world))
    with naming_cut_off(where.venv, where.executable, target_words(options)):
        report = ask_target(world, where)
    return _answer(options, world, where, report, tables.result())


def _tables(options: argparse.Namespace, world: World) -> Tables:
    """Load the tables and import what looks and judges, which takes longer than the target takes to answer."""
    import ipexenv.probe.look  # noqa: PLC0415 (ready for _answer)
    import ipexenv.report.status  # noqa: PLC0415
    import ipexenv.resolve.fit  # noqa: F401, PLC0415
    from ipexenv.tables.load import load_releases  # noqa: PLC0415 (as above)

    return load_releases(None if options.tables is None else world.directory / options.tables)


def _answer(
    options: argparse.Namespace, world: World, where: TargetChoice, report: TargetReport, tables: Tables
) -> Answer:
    from ipexenv.facts_json import facts_as_mapping  # noqa: PLC0415 (see _tables)
    from ipexenv.probe.look import look_around  # noqa: PLC0415
    from ipexenv.report.misfit import misfit  # noqa: PLC0415
    from ipexenv.report.status import status_text  # noqa: PLC0415
    from ipexenv.resolve.fit import judge, provider_of  # noqa: PLC0415

    verbose = options.verbose > 0
    facts = look_around(world, where, report, libraries=tables.needed_libraries, tags=verbose or options.json)
    judgement = judge(facts, tables)
    settings = _settings(options)
    broken = judgement.fits is False
    problem, ways = misfit(facts, tables, target=target_words(options)) if broken else (None, [])
    cut_off = warning_of(StateFolder.of(facts.target), target_words(options))
    return Answer(
        data={
            "facts": facts_as_mapping(facts),
            "fits": judgement.fits,
            "ccl": provider_of(facts.installed),
            "findings": [{"code": note.code, "text": note.text} for note in judgement.findings],
            "restore": ways,
            "unfinished_change": cut_off is not None,
            "settings": settings,
        },
        raw=status_text(facts, judgement, settings=settings, verbose=verbose, cut_off=cut_off),
        exit_code=1 if broken else 0,
        problems=() if problem is None else (problem,),
    )


def _settings(options: argparse.Namespace) -> dict[str, dict[str, Any]]:
    return {
        name: {"value": getattr(options, name), "origin": origin} for name, origin in sorted(options.settings.items())
    }
