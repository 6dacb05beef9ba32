"""Run a prepared job to its end, and say how it ended."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ipexenv.answer import Problem
from ipexenv.events import Event
from ipexenv.launch._target_place import first_act
from ipexenv.launch.endings import in_words, shell_code
from ipexenv.launch.follow import BEGIN_S, LOST_S, Ended, Follower
from ipexenv.launch.overdue import Standing, Watchdog
from ipexenv.launch.run_start import BackEnd, RunJob, bound_to, start
from ipexenv.launch.start import explain_mpirun

if TYPE_CHECKING:
    from collections.abc import Callable

    from ipexenv.events import Listener
    from ipexenv.launch.follow import Output
    from ipexenv.system.runner import Finished
    from ipexenv.system.world import World

_INTERRUPTED = 130


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """How a job ended."""

    exit_code: int
    problems: tuple[Problem, ...] = ()
    ranks: tuple[Ended, ...] = ()

    def as_mapping(self) -> dict[str, Any]:
        """Return its part of the JSON ``data``."""
        rows = [
            {"rank": each.rank, "host": each.host, "returncode": each.returncode, "ended": each.ended}
            for each in sorted(self.ranks, key=lambda each: each.rank)
        ]
        return {"exit_code": self.exit_code, "ranks": rows}


def run_alone(world: World, job: RunJob) -> Outcome:
    """Run the only rank in the user's terminal.

    Raises KeyboardInterrupt where it was interrupted, once the rank has ended.
    """
    (placement,), (place,) = job.placements, job.placements[0].ranks
    env = {**job.env, **placement.environment(0), **job.more, **job.place_of(job.seats[0])}
    act: Callable[[], None] = first_act(bound_to(job, place), place.numa_nodes)  # type: ignore[no-untyped-call]
    code = world.foreground.run(job.command, env=env, first_act=act)
    ended = Ended(rank=0, returncode=code, ended=False, host=placement.host)
    problems = () if code == 0 else (_failed(ended, job, ()),)
    return Outcome(exit_code=shell_code(code), problems=problems, ranks=(ended,))


def run_ranks(world: World, job: RunJob, output: Output, listen: Listener, *, insists: bool) -> Outcome:
    """Run all ranks, ``output`` takes what they say; when one fails the others are ended, on every host.

    Raises KeyboardInterrupt where this process is interrupted or told to end, once all ranks have ended.
    """

    def warn(late: tuple[Standing, ...]) -> None:
        text = f"{len(late)} rank(s) have not been through a collective after {job.watch_limit_s:g} s: {_where(late)}"
        listen(Event(kind="warning", text=text))

    watchdog = Watchdog(size=len(job.seats), insists=insists)
    follower = Follower(output=output, watchdog=watchdog, clock=time.monotonic, warn=warn)
    try:
        ending = start(world, job, follower)
    except SystemExit:  # SIGTERM, which ends a job as Ctrl-C does
        raise KeyboardInterrupt from None
    finally:
        output.close()
    return judge(job, follower, ending)


def judge(job: RunJob, follower: Follower, ending: Finished) -> Outcome:
    """Return how the job ended: which rank failed first, which were late, or what the launcher complained of."""
    failure = follower.first_failure()
    ranks = tuple(follower.endings)
    if follower.overdue:
        return Outcome(exit_code=1, problems=(_overdue(job, follower.overdue),), ranks=ranks)
    if follower.lost:
        return Outcome(exit_code=1, problems=(_lost(job, follower),), ranks=ranks)
    if failure is not None:
        problem = _failed(failure, job, follower.last_lines(failure.rank))
        return Outcome(exit_code=shell_code(failure.returncode), problems=(problem,), ranks=ranks)
    if ending.returncode != 0 or len(ranks) < len(job.seats):
        return Outcome(
            exit_code=shell_code(ending.returncode) or 1, problems=(_launcher(job, follower, ending),), ranks=ranks
        )
    return Outcome(exit_code=0, ranks=ranks)


def _failed(ended: Ended, job: RunJob, last: tuple[str, ...]) -> Problem:
    host = job.seats[ended.rank].host
    who = f"rank {ended.rank} on {host}" if len(job.seats) > 1 else "the script"
    others = " first, and the others were ended" if len(job.seats) > 1 else ""
    return Problem(
        code="rank-failed",
        message=f"{who} failed{others}: {in_words(ended.returncode)}",
        causes=tuple(f"{who} said: {line}" for line in last),
    )


def _overdue(job: RunJob, late: tuple[Standing, ...]) -> Problem:
    hosts = {seat.rank: seat.host for seat in job.seats}
    causes = []
    for each in late:
        causes.append(f"rank {each.rank} on {hosts[each.rank]}: {each.words}")
        causes += [f"rank {each.rank} called from {line}" for line in each.position[1:4]]
    return Problem(
        code="start-timeout",
        message=f"{len(late)} of {len(job.seats)} ranks did not get through their first collective within "
        f"{job.watch_limit_s:g} s, and the job was ended",
        causes=tuple(causes),
        hint="see where the ranks stand; `--start-timeout SECONDS` gives them more time, 0 gives them for ever",
    )


def _lost(job: RunJob, follower: Follower) -> Problem:
    hosts = {seat.rank: seat.host for seat in job.seats}
    causes = []
    for host in dict.fromkeys(hosts[rank] for rank in follower.lost):
        ranks = ", ".join(str(rank) for rank in follower.lost if hosts[rank] == host)
        began = all(rank in follower.begun for rank in follower.lost if hosts[rank] == host)
        words = f"for {LOST_S:g} s: the host or its network is down" if began else f"since the start, {BEGIN_S:g} s ago"
        causes.append(f"nothing was heard of rank(s) {ranks} on {host} {words}")
    return Problem(
        code="host-lost",
        message="the job was ended because a host fell silent",
        causes=tuple(causes),
        hint="what still runs there ends when its connection does, which can take a quarter of an hour",
    )


def _where(late: tuple[Standing, ...]) -> str:
    return "; ".join(f"rank {each.rank}: {each.words}" for each in late)


_NAMES: dict[BackEnd, str] = {"none": "the keeper", "torchrun": "torchrun", "mpirun": "mpirun", "srun": "srun"}


def _launcher(job: RunJob, follower: Follower, ending: Finished) -> Problem:
    name = _NAMES[job.back_end]
    words = "\n".join(follower.words)
    causes: tuple[str, ...]
    if job.back_end == "mpirun" and not follower.begun:
        host, why = explain_mpirun(words, ending.returncode)
        causes = (f"{host}: {why.cause}" if host else why.cause,)
        return Problem(code=why.code, message="mpirun could not start the ranks", causes=causes, hint=why.hint)
    silent = sorted({seat.rank for seat in job.seats} - {ended.rank for ended in follower.endings})
    causes = (f"nothing more was heard of rank(s) {', '.join(map(str, silent))}",) if silent else ()
    return Problem(
        code="launcher-failed",
        message=f"{name} ended with {in_words(ending.returncode)}",
        causes=(*causes, *(f"{name} said: {line}" for line in list(follower.words)[-10:])),
    )
