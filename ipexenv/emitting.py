"""Write a job file for another scheduler, with the settings that `run` would use on this machine."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ipexenv.answer import Answer
from ipexenv.errors import UsageError
from ipexenv.events import Event
from ipexenv.launch.emit import emit
from ipexenv.launch.emit.job import job_of
from ipexenv.launch.settings import choose_settings
from ipexenv.system.writing import write_atomically

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable
    from pathlib import Path

    from ipexenv.launch.emit.model import EmitJob
    from ipexenv.launch.run_options import RunChoices
    from ipexenv.running import Preparation


def emit_answer(options: argparse.Namespace, preparation: Preparation) -> Answer:
    """Return the job file that ``options`` ask for as the answer, or write it where ``--output`` says.

    Raises UsageError that names a value that cannot be, or a file that cannot be written.
    """
    _refuse_what_the_file_decides(options)
    world = preparation.world
    view, wish = preparation.look_here()
    nodes, per_node = _shape(preparation.choices, lambda: len(choose_settings(view, wish, world.env).ranks))
    job = job_of(
        options,
        view,
        wish,
        world.env,
        what=preparation.what,
        nodes=nodes,
        ranks_per_node=per_node,
        python=preparation.python if options.python or options.venv else None,
        more=preparation.choices.more,
    )
    for note in job.notes:
        preparation.listen(Event(kind="warning", text=note))
    text = emit(options.emit, job)
    if options.output is None:
        return Answer(data=_data(options, job, text), raw=text)
    _write(world.directory / options.output, options.output, text)
    return Answer(data=_data(options, job, text), raw=f"wrote {options.output}\n")


def _refuse_what_the_file_decides(options: argparse.Namespace) -> None:
    """Refuse options that speak of this run alone: in the job it is the scheduler that says where rank 0 is."""
    named = (
        ("--master-addr", options.master_addr, "the job finds out where its rank 0 runs"),
        ("--master-port", options.master_port, "the job finds out where its rank 0 runs"),
        ("--explain", options.explain or None, "the file has the reasons as comments"),
        ("--dry-run", options.dry_run or None, "nothing is started"),
    )
    for flag, value, cause in named:
        if value is not None:
            raise UsageError(
                f"{flag} means nothing with --emit {options.emit}", code="usage", causes=(cause,), hint="leave it out"
            )


def _data(options: argparse.Namespace, job: EmitJob, text: str) -> dict[str, Any]:
    return {
        "kind": options.emit,
        "file": options.output,
        "name": job.demand.name,
        "nodes": job.nodes,
        "ranks_per_node": job.ranks_per_node,
        "environment": {setting.name: setting.value for setting in job.environment},
        "notes": list(job.notes),
        "text": text,
    }


def _write(path: Path, name: str, text: str) -> None:
    try:
        write_atomically(path, text)
    except OSError as error:
        raise UsageError(f"--output {name} cannot be written: {error.strerror or error}", code="cannot-write") from None


def _shape(choices: RunChoices, usual: Callable[[], int]) -> tuple[int, int]:
    """Return how many nodes and ranks on each: job files know no nodes by name, so all are alike."""
    nodes = len(choices.hosts) or None
    total, per_node = choices.ranks, choices.ranks_per_host
    if per_node is None and total is not None:
        per_node = math.ceil(total / (nodes or 1))
    if per_node is None:
        slots = {host.slots for host in choices.hosts}
        per_node = slots.pop() if len(slots) == 1 else None
    per_node = per_node or usual()
    if nodes is None:
        nodes = 1 if total is None else math.ceil(total / per_node)
    if total is not None and total != nodes * per_node:
        raise UsageError(
            f"-n {total} is not {nodes} node(s) of {per_node} ranks, and the nodes of a job file are all alike",
            code="uneven-job",
            hint=f"`-n {nodes * per_node} -ppn {per_node}`",
        )
    return nodes, per_node
