"""What the user should know about the places of his ranks. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ipexenv.launch.openmp import thread_limit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ipexenv.launch.layout import Core, Room
    from ipexenv.launch.setting import RunWish
    from ipexenv.launch.workers import Workers


def notes_on(
    room: Room, wish: RunWish, shares: Sequence[Sequence[Core]], workers: Workers, own: Mapping[str, str]
) -> tuple[str, ...]:
    """Return the notes on the ranks of one host, of which each has one of the ``shares``."""
    return (
        *_on_room(room, wish, len(shares)),
        *_on_shares(room, wish, len(shares), shares),
        *_on_threads(wish, shares, own),
        *_on_workers(workers, wish),
    )


def unbound_note(room: Room) -> str:
    """Say why nothing is bound, though it was not forbidden."""
    if not room.known:
        return "nothing is bound: which logical CPUs share a core is not known here"
    return "nothing is bound to CPUs: under a quota others may be bound to the same ones"


def _on_room(room: Room, wish: RunWish, ranks: int) -> Iterator[str]:
    if room.idle:
        yield f"{_count(len(room.idle), 'efficient core')} left idle: threads that share work wait for the slowest"
    siblings = sum(len(core.cpus) - 1 for core in room.cores)
    if siblings and not (wish.logical_cpus or wish.threads or room.is_capped) and ranks <= len(room.cores):
        yield f"{_count(siblings, 'hyper-thread')} left idle: two on a core share its arithmetic (`--logical-cpus`)"
    if room.is_capped:
        yield f"the control group's quota grants {_count(room.budget, 'CPU')} of {_count(len(room.cores), 'core')}"


def _on_shares(room: Room, wish: RunWish, ranks: int, shares: Sequence[Sequence[Core]]) -> Iterator[str]:
    if ranks > room.budget:
        yield f"{ranks} ranks share {_count(room.budget, 'core')}, which slows them down"
        return
    sizes = sorted({len(share) for share in shares})
    if len(sizes) > 1:
        yield f"the ranks have {sizes[0]} to {sizes[-1]} cores each; the others wait for the smallest"
    left = len(room.cores) - sum(len(share) for share in shares)
    if left and wish.threads is None and not room.is_capped:
        yield f"{_count(left, 'core')} left over, so that all {ranks} ranks have as many"


def _on_threads(wish: RunWish, shares: Sequence[Sequence[Core]], own: Mapping[str, str]) -> Iterator[str]:
    limit = thread_limit(own)
    if limit is not None and limit < max(wish.threads or len(share) for share in shares):
        yield f"OMP_THREAD_LIMIT={limit} is yours and caps the threads; more than that could hang in backward"
    most = min(sum(len(core.cpus) for core in share) for share in shares)
    if wish.threads is not None and wish.threads > most:
        yield f"{wish.threads} threads a rank share {_count(most, 'CPU')}, which slows them down"


def _on_workers(workers: Workers, wish: RunWish) -> Iterator[str]:
    if wish.ccl_workers and not workers.reserved and workers.count:
        yield f"{_count(workers.count, 'oneCCL worker')} a rank share the CPUs that compute: {workers.reason}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
