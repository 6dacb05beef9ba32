"""How many worker threads oneCCL gets in each rank, and on which CPUs. Pure.

Intel's launcher takes 4 whole cores of every rank. On the machines of its manual (28 cores a rank) that is a seventh;
on small ones it is ruin: of 2 cores with 2 ranks none is left. So a worker gets a core of its own only where a rank has
four or more, as the bridge was measured to want it, and below that shares one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ipexenv.launch.layout import Core
    from ipexenv.outcome import CclProvider

CORES_FOR_A_WORKER = 4
"""A rank with fewer cores lends its worker one instead of giving it away."""
CORES_FOR_EACH_WORKER = 8
"""Workers move data side by side; an eighth of the cores is the most that training gives up for it."""
MOST_WORKERS = 4
"""Intel's own default, and what the recipes for 28 and more cores use."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Workers:
    """oneCCL's workers in each rank of a host."""

    count: int
    """0 where there is no oneCCL."""
    reserved: bool
    """Whether they have cores to themselves."""
    reason: str


def plan_workers(
    provider: CclProvider, cores: int, *, asked: int | None = None, threads: int | None = None, alone: bool = False
) -> Workers:
    """Choose for ranks of at least ``cores`` cores; ``asked`` workers and OpenMP ``threads`` are the user's wishes.

    ``asked=0`` means that no core is to be given up: one worker then shares. ``alone`` says that there is one rank in
    all.
    """
    if provider == "none":
        return Workers(count=0, reserved=False, reason="there is no oneCCL")
    if asked is not None:
        fits = 0 < asked < cores and cores - asked >= (threads or 1)
        words = "as asked for" if fits or asked == 0 else f"as asked for; {_cores(cores)} a rank leave none to spare"
        return Workers(count=max(asked, 1), reserved=fits, reason=words)
    if alone:
        return Workers(count=1, reserved=False, reason="a single rank sends nothing, so no core is given up")
    count = _usual(provider, cores)
    if cores < CORES_FOR_A_WORKER:
        reason = f"{_cores(cores)} a rank: the worker shares one, to take it away would cost more"
        return Workers(count=1, reserved=False, reason=reason)
    if cores - count < (threads or 1):
        return Workers(count=1, reserved=False, reason="the threads that you set leave no core to the worker")
    return Workers(count=count, reserved=True, reason=_words(provider, count, cores))


def reserved_cpus(cores: Sequence[Core], count: int) -> tuple[int, ...]:
    """Return the CPUs of workers with cores to themselves: the first cores of the rank, as ``ipexrun`` takes them."""
    return tuple(core.cpus[0] for core in cores[:count])


def shared_cpus(cores: Sequence[Core], computing: Sequence[int], count: int) -> tuple[int, ...]:
    """Return the CPUs of workers that share: idle hyper-threads first, then the last CPUs that compute."""
    busy = frozenset(computing)
    idle = [cpu for core in reversed(cores) for cpu in core.cpus if cpu not in busy]
    order = [*idle, *reversed(computing)] or [core.cpus[0] for core in cores]
    return tuple(order[index % len(order)] for index in range(count))


def _usual(provider: CclProvider, cores: int) -> int:
    if provider == "bridge":
        return 1
    return min(max(cores // CORES_FOR_EACH_WORKER, 1), MOST_WORKERS)


def _words(provider: CclProvider, count: int, cores: int) -> str:
    if provider == "bridge":
        return "the bridge is built around one worker; what ranks of one host exchange goes past it up to 1 MB"
    return f"{count} of {cores} cores a rank: one for each {CORES_FOR_EACH_WORKER}, at least 1, at most {MOST_WORKERS}"


def _cores(number: int) -> str:
    return f"{number} core" if number == 1 else f"{number} cores"
