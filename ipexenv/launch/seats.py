"""Which rank sits on which host. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ipexenv.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ipexenv.launch.hostfile import HostEntry


@dataclass(frozen=True, kw_only=True, slots=True)
class Seat:
    """The place of one rank."""

    rank: int
    host: str
    local_rank: int
    """Its number among the ranks of its host."""
    local_size: int
    """How many ranks its host has."""


def seat_ranks(
    hosts: Sequence[HostEntry], *, per_host: int | None = None, total: int | None = None
) -> tuple[Seat, ...]:
    """Fill the hosts one after the other, as mpirun does.

    A host takes ``per_host`` ranks, else as many as its line says, else one; ``total`` ends the filling early. Raises
    UsageError where ``total`` ranks find no room.
    """
    room = [per_host or host.slots or 1 for host in hosts]
    wanted = sum(room) if total is None else total
    if wanted > sum(room):
        raise UsageError(
            f"--nproc {wanted} does not fit: the hostfile has room for {sum(room)} rank(s) on {len(hosts)} host(s)",
            code="usage",
            hint="`-ppn N` puts N ranks on each host; `host:N` in the hostfile says it for one",
        )
    seats: list[Seat] = []
    for host, places in zip(hosts, room, strict=True):
        size = min(places, wanted - len(seats))
        first = len(seats)
        seats += [Seat(rank=first + n, host=host.name, local_rank=n, local_size=size) for n in range(size)]
    return tuple(seats)


def hosts_of(seats: Sequence[Seat]) -> tuple[str, ...]:
    """Return the hosts that have ranks, each once, in order."""
    return tuple(dict.fromkeys(seat.host for seat in seats))
