"""A job as a script for sbatch: srun starts the ranks, and no ipexenv is needed on the nodes.

Source: sbatch(1), srun(1). ``--cpus-per-task`` is said to srun as well, which since Slurm 22.05 does not take it over.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from ipexenv.launch.emit.manifest import header
from ipexenv.launch.emit.ranks import rank_text, rank_wish

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ipexenv.launch.emit.model import EmitJob

_FIRST_PORT = 20000
_PORTS = 12000
"""Below the ports that the kernel gives to connections (32768 and up), one for each of so many jobs in a row."""

_MARK = "END_OF_RANK"


def text(job: EmitJob) -> str:
    """Return the script, to be handed to ``sbatch FILE``."""
    return "\n".join(_lines(job)) + "\n"


def _lines(job: EmitJob) -> Iterator[str]:
    yield "#!/bin/bash"
    for option in _options(job):
        yield f"#SBATCH {option}"
    yield ""
    yield from (
        f"# {line}" for line in header(job, "Made by `ipexenv run --emit slurm`. Submit it with `sbatch FILE`.")
    )
    yield "set -euo pipefail"
    yield ""
    for setting in job.environment:
        yield f"export {setting.name}={shlex.quote(setting.value)}"
    yield ""
    yield "# Ranks meet at the first node of the allocation, on a port that jobs side by side do not share."
    yield 'hosts=$(scontrol show hostnames "$SLURM_JOB_NODELIST")'
    yield "export MASTER_ADDR=${hosts%%$'\\n'*}"
    yield f"export MASTER_PORT=$(({_FIRST_PORT} + SLURM_JOB_ID % {_PORTS}))"
    yield ""
    yield "# Every rank starts with this, which needs nothing but Python: it finds the cores that Slurm gave to it."
    yield f"IFS= read -r -d '' rank <<'{_MARK}' || true"
    yield rank_text().rstrip("\n")
    yield _MARK
    yield ""
    yield _srun(job)


def _options(job: EmitJob) -> Iterator[str]:
    demand = job.demand
    yield f"--job-name={demand.name}"
    yield f"--nodes={job.nodes}"
    yield f"--ntasks-per-node={job.ranks_per_node}"
    yield f"--cpus-per-task={job.cpus_per_rank}"
    if not job.placing.logical_cpus:
        yield "--hint=nomultithread"
    if demand.memory_bytes is not None:
        yield f"--mem={-(-demand.memory_bytes // 2**20)}M"
    if demand.time_limit_s is not None:
        yield f"--time={_time(demand.time_limit_s)}"
    if demand.partition is not None:
        yield f"--partition={demand.partition}"
    if demand.account is not None:
        yield f"--account={demand.account}"
    if demand.working_directory is not None:
        yield f"--chdir={shlex.quote(demand.working_directory)}"


def _time(seconds: int) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{minutes // 1440}-{minutes // 60 % 24:02}:{minutes % 60:02}:{rest:02}"


def _srun(job: EmitJob) -> str:
    unit = "threads" if job.placing.logical_cpus else "cores"
    bind = unit if job.placing.bind else "none"
    words = ["srun", f"--cpus-per-task={job.cpus_per_rank}", f"--cpu-bind={bind}", "--kill-on-bad-exit=1", "--label"]
    start = shlex.join([*words, job.python, "-c"])
    return f'exec {start} "$rank" {shlex.quote(rank_wish(job, bound=True))} \\\n    {shlex.join(job.command)}'
