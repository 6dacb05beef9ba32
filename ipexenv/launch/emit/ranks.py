"""The words with which every job file starts a rank, and those with which torchrun starts the ranks of a node."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ipexenv.launch.emit.model import EmitJob

MASTER_PORT = 29500
"""torch's own default; in a container of its own nobody else listens there."""


def rank_text() -> str:
    """Return the program that finds the rank's cores on the node, for ``python -c``."""
    lines = Path(__file__).with_name("_target_rank.py").read_text(encoding="utf-8").splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith("# ruff:"))


def rank_wish(job: EmitJob, *, bound: bool = False) -> str:
    """Return what that program is told, as JSON; ``bound`` says that the launcher may have bound each rank already."""
    placing = job.placing
    wish = {
        "ranks": job.ranks_per_node,
        "cpus": job.cpus_per_rank,
        "reserved": placing.reserved,
        "shared": placing.shared,
        "kmp": placing.kmp_affinity,
        "bind": placing.bind,
        "bound": bound,
        "binding": placing.binding,
        "logical": placing.logical_cpus,
        "fit": placing.fit_threads,
        "preload": placing.preload,
        "package": placing.package,
        "relative": dict(placing.relative),
    }
    return json.dumps(wish)


def rank_command(job: EmitJob) -> list[str]:
    """Return the command of one rank."""
    return [job.python, "-c", rank_text(), rank_wish(job), *job.command]


def torchrun_command(job: EmitJob, *options: str) -> list[str]:
    """Return the command that starts the ranks of a node; torchrun comes with torch, and needs no ``ipexenv``."""
    return [job.python, "-m", "torch.distributed.run", *options, "--no-python", *rank_command(job)]
