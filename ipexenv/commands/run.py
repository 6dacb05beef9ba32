"""Start a training script on one or more hosts, each rank with what its host needs, and watch over it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from ipexenv.answer import Answer
from ipexenv.emitting import emit_answer
from ipexenv.events import Event
from ipexenv.launch.emit.options import add_emit_options
from ipexenv.launch.pasted import pasted
from ipexenv.launch.run_follow import run_alone, run_ranks
from ipexenv.launch.run_options import add_run_options, read_choices
from ipexenv.launch.run_words import started
from ipexenv.probe.choice import add_target_options, choose_target
from ipexenv.probe.look import probe
from ipexenv.report.run import RankPrinter, explained
from ipexenv.running import Preparation, refuse_absent
from ipexenv.system.rank_logs import RankLogs

if TYPE_CHECKING:
    import argparse

    from ipexenv.events import Listener
    from ipexenv.launch.follow import Output
    from ipexenv.launch.run_options import RunChoices
    from ipexenv.launch.run_start import RunJob
    from ipexenv.running import Prepared
    from ipexenv.system.world import World


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the target, the ranks and what they get; the script and its words come after all options."""
    parser.usage = "ipexenv run [options] script.py ... | -m module ... | -- program ..."
    add_target_options(parser)
    add_run_options(parser)
    add_emit_options(parser)


def run(options: argparse.Namespace, world: World, listen: Listener) -> Answer:
    """Prepare, then start and follow the ranks; the answer's exit code is that of the rank that failed first."""
    what = started(options.program)
    choices = read_choices(options, world.directory)
    if options.emit is None:
        refuse_absent(what, world)
    facts = probe(world, choose_target(options, world), libraries=())
    preparation = Preparation(world=world, facts=facts, what=what, choices=choices, listen=listen)
    if options.emit is not None:
        return emit_answer(options, preparation)
    job = (prepared := preparation.prepare()).job
    reasons = explained(job.placements, job.seats, tuple(choices.more.items()))
    if options.dry_run:
        text = pasted(job)
        return Answer(
            data={**job.as_mapping(), "command": text},
            raw="".join(f"# {line}".rstrip() + "\n" for line in reasons.splitlines()) * options.explain + text,
        )
    if options.explain:
        sys.stderr.write(reasons)
    listen(Event(kind="step", text=_begin(prepared)))
    if len(job.seats) == 1 and job.back_end == "none" and choices.log_folder is None and not options.json:
        outcome = run_alone(world, job)
    else:
        output = _output(options, choices, job)
        outcome = run_ranks(world, job, output, listen, insists=choices.insists)
    return Answer(
        data={**job.as_mapping(), **outcome.as_mapping()}, exit_code=outcome.exit_code, problems=outcome.problems
    )


def _output(options: argparse.Namespace, choices: RunChoices, job: RunJob) -> Output:
    if choices.log_folder is not None:
        return RankLogs(choices.log_folder, len(job.seats))
    return RankPrinter(len(job.seats), quiet_launcher=options.quiet, all_to_stderr=options.json)


def _begin(prepared: Prepared) -> str:
    job = prepared.job
    where = "this machine" if len(job.placements) == 1 else f"{len(job.placements)} hosts"
    ranks = f"{len(job.seats)} rank{'s' if len(job.seats) > 1 else ''}"
    return f"starting {ranks} on {where} with {prepared.chosen.words}"
