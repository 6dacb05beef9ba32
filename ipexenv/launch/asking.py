"""Ask all hosts of a job at once, over ssh or, inside an allocation, over srun; nothing has to be installed there."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ipexenv.launch.frames import read_frames
from ipexenv.launch.seats import Seat
from ipexenv.launch.shipping import bundle, shipped
from ipexenv.launch.slurm import srun_command, srun_environment
from ipexenv.launch.ssh import CONNECT_TIMEOUT_S, Unreached, explain_ssh, ssh_command

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ipexenv.system.runner import Finished
    from ipexenv.system.world import World

LOOK_LIMIT_S = 60.0
"""For Python to start on a cold shared file system, in seconds."""

_FOLDERS = (Path(__file__).parent, Path(__file__).parent.parent / "probe")


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What one host said."""

    told: Mapping[str, Any] | None
    problem: Unreached | None = None
    """Why it said nothing."""


def ask_hosts(  # noqa: PLR0913 (who, with what, for what, and how)
    world: World,
    hosts: Sequence[str],
    python: str,
    modules: Sequence[str],
    order: Mapping[str, Any],
    *,
    srun: str | None = None,
) -> tuple[Asked, ...]:
    """Run the target-side ``modules`` on all ``hosts`` at once and return what each said, in their order.

    ``modules`` are names in the order in which they import each other, the last of them has the ``main``; it finds
    ``order`` with the name of its host in ``own`` (None under srun, where it asks Slurm).
    """
    source = bundle({name: _source(name) for name in modules}, modules[-1])
    if srun is not None:
        return _over_srun(world, hosts, shipped(python, source, {**order, "own": None}), srun)
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 (10 ms that other commands need not pay)

    def ask(number: int) -> Asked:
        argv = shipped(python, source, {**order, "own": hosts[number]})
        local = world.network.is_this_host(hosts[number].rpartition("@")[2])
        finished = _run(world, argv if local else ssh_command(hosts[number], argv), world.env)
        return _answer(hosts[number], number, finished)

    with ThreadPoolExecutor(max_workers=min(len(hosts), 64)) as pool:
        return tuple(pool.map(ask, range(len(hosts))))


def _source(name: str) -> str:
    path = next(path for folder in _FOLDERS if (path := folder / f"{name}.py").is_file())
    return path.read_text("utf-8")


def _run(world: World, argv: Sequence[str], env: Mapping[str, str]) -> Finished:
    return world.runner.run(argv, timeout_s=LOOK_LIMIT_S + CONNECT_TIMEOUT_S, env=env)


def _over_srun(world: World, hosts: Sequence[str], argv: Sequence[str], srun: str) -> tuple[Asked, ...]:
    seats = [Seat(rank=rank, host=host, local_rank=0, local_size=1) for rank, host in enumerate(hosts)]
    finished = _run(world, srun_command(srun, seats, argv), srun_environment(world.env, None))
    return tuple(_answer(host, number, finished, slurm=True) for number, host in enumerate(hosts))


def _answer(host: str, number: int, finished: Finished, *, slurm: bool = False) -> Asked:
    said, _ = read_frames(finished.stdout)
    try:
        told = json.loads(zlib.decompress(said[number].answer))
    except (KeyError, zlib.error, ValueError):
        return Asked(told=None, problem=_silent(host, finished, slurm=slurm))
    return Asked(told=told)


def _silent(host: str, finished: Finished, *, slurm: bool) -> Unreached:
    hint = f"try `ssh -o BatchMode=yes {host} true`" if not slurm else f"try `srun --overlap -w {host} true`"
    if finished.timed_out:
        return Unreached(code="unreachable", cause="it did not answer in time", hint=hint)
    if not slurm:
        return explain_ssh(host, finished.stderr, finished.returncode)
    last = next((line.strip() for line in reversed(finished.stderr.splitlines()) if line.strip()), "and said nothing")
    return Unreached(
        code="unreachable", cause=f"srun started nothing there: exit code {finished.returncode}, {last}", hint=hint
    )
