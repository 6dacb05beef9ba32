"""Inside a Slurm allocation: its nodes and tasks, and the command line of srun. Pure.

Sources: the manual pages of srun, sbatch and salloc (INPUT and OUTPUT ENVIRONMENT VARIABLES) of Slurm 22.05 to 24.05.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ipexenv.launch.hostfile import HostEntry

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ipexenv.launch.seats import Seat

RANKS = ("SLURM_PROCID",)
LOCAL_RANKS = ("SLURM_LOCALID",)

_REPEATED = re.compile(r"(?P<count>\d+)(?:\(x(?P<times>\d+)\))?")
_BRACKETS = re.compile(r"(?P<head>[^\[\],]*)\[(?P<ranges>[^\]]*)\](?P<tail>[^,]*)")
_MOST_NODES = 65536


@dataclass(frozen=True, kw_only=True, slots=True)
class Allocation:
    """What Slurm has given."""

    job: str
    nodes: tuple[HostEntry, ...]
    """With their tasks where the user asked Slurm for a number of tasks."""

    @classmethod
    def of(cls, env: Mapping[str, str]) -> Allocation | None:
        """Return the allocation around this process, None outside of one."""
        job = env.get("SLURM_JOB_ID") or env.get("SLURM_JOBID")
        names = expand_nodes(env.get("SLURM_JOB_NODELIST") or env.get("SLURM_NODELIST") or "")
        if not job or not names:
            return None
        counts = repeated(env.get("SLURM_TASKS_PER_NODE", "")) if _asked_for_tasks(env) else ()
        slots = counts if len(counts) == len(names) else (None,) * len(names)
        pairs = zip(names, slots, strict=True)
        return cls(job=job, nodes=tuple(HostEntry(name=name, slots=count) for name, count in pairs))


def _asked_for_tasks(env: Mapping[str, str]) -> bool:
    # Without -n Slurm still says SLURM_TASKS_PER_NODE: one task for each CPU that it gave.
    return any(env.get(name) for name in ("SLURM_NTASKS", "SLURM_NPROCS", "SLURM_NTASKS_PER_NODE"))


def repeated(text: str) -> tuple[int, ...]:
    """Return the numbers of a text as ``2(x3),1``; none where it is another text."""
    found: list[int] = []
    for part in text.split(","):
        match = _REPEATED.fullmatch(part.strip())
        if match is None:
            return ()
        found += [int(match["count"])] * min(int(match["times"] or 1), _MOST_NODES)
    return tuple(found)


def expand_nodes(text: str) -> tuple[str, ...]:
    """Return the names in a list as ``gpu,cpu[01-03,7]``, in order; none where it cannot be read."""
    found: list[str] = []
    while text:
        match = _BRACKETS.match(text)
        if match is None:
            name, _, text = text.partition(",")
            found.append(name)
            continue
        text = text[match.end() :].removeprefix(",")
        tails = expand_nodes(match["tail"]) if "[" in match["tail"] else (match["tail"],)
        found += [f"{match['head']}{number}{tail}" for number in _numbers(match["ranges"]) for tail in tails]
    return tuple(name for name in found if name)[:_MOST_NODES]


def _numbers(text: str) -> list[str]:
    found = []
    for part in text.split(","):
        first, dash, last = part.partition("-")
        if not dash:
            found.append(first)
        elif first.isdigit() and last.isdigit():
            numbers = range(int(first), min(int(last), int(first) + _MOST_NODES) + 1)
            found += [str(number).zfill(len(first)) for number in numbers]
    return found


def srun_command(srun: str, seats: Sequence[Seat], argv: Sequence[str]) -> tuple[str, ...]:
    """Return the command that runs ``argv`` once for each seat.

    ipexenv binds ranks itself, so srun must not; ``--overlap`` shares what a step around this one holds, and
    ``--overcommit`` allows more ranks than CPUs. Where hosts have unlike numbers of ranks, srun takes the node of each
    from the file that SLURM_HOSTFILE names (see ``host_lines``).
    """
    sizes = {seat.host: seat.local_size for seat in seats}
    words = [srun, "-N", str(len(sizes)), "-n", str(len(seats)), "-w", ",".join(sizes)]
    if len(set(sizes.values())) == 1:
        words += ["--ntasks-per-node", str(seats[0].local_size), "--distribution", "block"]
    else:
        words += ["--distribution", "arbitrary"]
    words += ["--overlap", "--overcommit", "--cpu-bind=none", "--kill-on-bad-exit=1", "--input=none"]
    return (*words, *argv)


def host_lines(seats: Sequence[Seat]) -> str:
    """Return the text of a file for SLURM_HOSTFILE: the node of each rank."""
    return "".join(f"{seat.host}\n" for seat in seats)


def srun_environment(env: Mapping[str, str], host_file: str | None) -> dict[str, str]:
    """Return the environment of srun: without what an outer step would make it assume about this one."""
    dropped = ("SLURM_NTASKS_PER_NODE", "SLURM_CPU_BIND", "SLURM_DISTRIBUTION", "SLURM_HOSTFILE", "SLURM_NTASKS",
               "SLURM_NPROCS", "SLURM_TASKS_PER_NODE", "SLURM_MEM_BIND", "SLURM_CPUS_PER_TASK")  # fmt: skip
    kept = {name: value for name, value in env.items() if not name.startswith(dropped)}
    return {**kept, **({"SLURM_HOSTFILE": host_file} if host_file is not None else {})}
