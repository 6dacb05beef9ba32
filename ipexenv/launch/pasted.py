"""The command of a run in words that can be pasted into a shell: no ipexenv in it, and nobody watches. Pure."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from ipexenv.launch.run_start import bound_to, command_of, host_file_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ipexenv.launch.run_start import RunJob
    from ipexenv.launch.setting import RankPlace

_RANK_VARIABLES = {"srun": "SLURM_PROCID", "torchrun": "RANK"}
_FILE = "ipexenv-hosts"


def pasted(job: RunJob) -> str:
    """Return the lines that start the same ranks with the same environment, bound to the same CPUs."""
    if job.back_end == "none":
        words = _with_environment(_environment(job, 0), [*_binding(job, job.placements[0].ranks[0]), *job.command])
        return f"{words}\n"
    argv, env = command_of(job, ("sh", "-c", _rank_script(job)), _FILE)
    added = {name: value for name, value in env.items() if job.env.get(name) != value}
    lines = []
    if _FILE in argv or _FILE in added.values():
        lines.append(f"printf {shlex.quote(host_file_text(job))} > {_FILE}".replace("\n", "\\n"))
    return "\n".join([*lines, _with_environment(added, argv), ""])


def _with_environment(env: Mapping[str, str], argv: Sequence[str]) -> str:
    words = [f"{name}={shlex.quote(value)}" for name, value in env.items()]
    return " ".join([*(["env", *words] if words else []), shlex.join(argv)])


def _rank_script(job: RunJob) -> str:
    """Return what each rank runs: common variables first, then those of its number, then the script."""
    everywhere = _common([_environment(job, seat.rank) for seat in job.seats])
    lines = [f"export {name}={shlex.quote(value)}" for name, value in everywhere.items()]
    lines.append(f'case "{_rank_variable(job)}" in')
    for seat in job.seats:
        own = {name: value for name, value in _environment(job, seat.rank).items() if name not in everywhere}
        words = " ".join(f"{name}={shlex.quote(value)}" for name, value in own.items())
        place = next(each for each in job.placements if each.host == seat.host).ranks[seat.local_rank]
        lines.append(f"{seat.rank}) export {words}; exec {shlex.join([*_binding(job, place), *job.command])} ;;")
    return "\n".join([*lines, "esac"])


def _rank_variable(job: RunJob) -> str:
    name = _RANK_VARIABLES.get(job.back_end)
    if name is None:
        name = "PMI_RANK" if job.under_hydra else "OMPI_COMM_WORLD_RANK"
    return f"${name}"


def _environment(job: RunJob, rank: int) -> dict[str, str]:
    seat = job.seats[rank]
    placement = next(each for each in job.placements if each.host == seat.host)
    settings = (*placement.settings, *placement.ranks[seat.local_rank].settings)
    return {
        **{setting.name: setting.value for setting in settings if not setting.by_user},
        **job.more,
        **job.place_of(seat),
    }


def _common(environments: Sequence[Mapping[str, str]]) -> dict[str, str]:
    first, *others = environments
    return {name: value for name, value in first.items() if all(other.get(name) == value for other in others)}


def _binding(job: RunJob, place: RankPlace) -> list[str]:
    """Return the words of numactl, or of taskset where memory is not bound."""
    cpus = ",".join(map(str, bound_to(job, place)))
    if place.numa_nodes:
        nodes = ",".join(map(str, place.numa_nodes))
        return ["numactl", *([f"--physcpubind={cpus}"] if cpus else []), f"--membind={nodes}"]
    return ["taskset", "--cpu-list", cpus] if cpus else []
