"""Which interface and which address really lead from host to host, proven by connections."""

from __future__ import annotations

import secrets
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ipexenv.errors import OutsideError
from ipexenv.launch.asking import ask_hosts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ipexenv.launch.asking import Asked
    from ipexenv.launch.survey import Surveyed
    from ipexenv.system.world import World

TRY_FOR_S = 10.0
"""How long hosts try to reach each other; where all is well it takes a part of a second."""

ALL_PAIRS = 16
"""Up to so many hosts each tries all others; beyond, each tries the first and the one after it."""

_MODULES = ("_target_telling", "_target_place", "_target_reach")


@dataclass(frozen=True, kw_only=True, slots=True)
class Ways:
    """How the hosts of a job reach each other."""

    address: str
    """Of the first host, as the others reach it."""
    interfaces: Mapping[str, str]
    """Name of each host's interface on the way to the others; a host is left out where nothing tells."""


def find_ways(
    world: World, hosts: Sequence[Surveyed], python: str, *, srun: str | None, wanted: str | None = None
) -> Ways:
    """Let all ``hosts`` connect to each other and return what works; ``wanted`` is the only address of the first.

    Raises OutsideError that names the pairs of hosts that do not reach each other, and how each address failed.
    """
    order = _order(hosts, wanted)
    asked = ask_hosts(world, [host.name for host in hosts], python, _MODULES, order, srun=srun)
    told = {host.name: answer for host, answer in zip(hosts, asked, strict=True)}
    return judge_ways(hosts, told, order["hosts"], wanted)


def _order(hosts: Sequence[Surveyed], wanted: str | None) -> dict[str, Any]:
    peers = {host.name: _peers(number, hosts) for number, host in enumerate(hosts)}
    rows: dict[str, Any] = {}
    for host in hosts:
        known = {peer.name: [list(_addresses(peer, hosts[0], wanted)), peer.port] for peer in peers[host.name]}
        expected = [name for name, others in peers.items() if any(other.name == host.name for other in others)]
        rows[host.name] = {"port": host.port, "peers": known, "expected": expected}
    return {"token": secrets.token_hex(8), "limit_s": TRY_FOR_S, "hosts": rows}


def _peers(number: int, hosts: Sequence[Surveyed]) -> list[Surveyed]:
    if len(hosts) <= ALL_PAIRS:
        return [host for host in hosts if host is not hosts[number]]
    return [hosts[each] for each in sorted({0, (number + 1) % len(hosts)} - {number})]


def _addresses(peer: Surveyed, first: Surveyed, wanted: str | None) -> tuple[str, ...]:
    return (wanted,) if peer is first and wanted is not None else peer.addresses


def judge_ways(
    hosts: Sequence[Surveyed], told: Mapping[str, Asked], rows: Mapping[str, Any], wanted: str | None
) -> Ways:
    """Return what follows from the hosts' words; raise OutsideError as ``find_ways`` does."""
    silent = [f"{name}: {asked.problem.cause}" for name, asked in told.items() if asked.problem is not None]
    answers = {name: asked.told for name, asked in told.items() if asked.told is not None}
    causes = [*silent, *_unreached(answers, rows)]
    first = hosts[0]
    common = [address for address in _addresses(first, first, wanted) if _all_reach(address, first.name, answers, rows)]
    if not causes and not common:
        causes = [f"no address of {first.name} is reached by all others, of {', '.join(first.addresses)}"]
    if causes:
        raise OutsideError(
            "the hosts do not reach each other",
            code="hosts-apart",
            causes=tuple(causes),
            hint="open all TCP ports between the hosts, or name other addresses of them in the hostfile; "
            "`--no-preflight` starts all the same",
        )
    return Ways(address=common[0], interfaces=_interfaces(hosts, answers, common[0]))


def _unreached(answers: Mapping[str, Mapping[str, Any]], rows: Mapping[str, Any]) -> list[str]:
    causes = []
    for name, answer in answers.items():
        for peer, (addresses, _) in rows[name]["peers"].items():
            if peer in answers and not answer["reached"].get(peer):
                failed = answer["failed"].get(peer, {})
                tried = ", ".join(f"{address} ({failed.get(address, 'no answer')})" for address in addresses)
                causes.append(f"{name} does not reach {peer} at {tried or 'any address: none is known'}")
    return causes


def _all_reach(address: str, first: str, answers: Mapping[str, Mapping[str, Any]], rows: Mapping[str, Any]) -> bool:
    asked = [answer for name, answer in answers.items() if first in rows[name]["peers"]]
    return all(any(way[0] == address for way in answer["reached"].get(first, ())) for answer in asked)


def _interfaces(hosts: Sequence[Surveyed], answers: Mapping[str, Mapping[str, Any]], address: str) -> dict[str, str]:
    """Return the interface that most ways of each host go by; the first host's is the one with its ``address``."""
    found = {}
    for host in hosts:
        ways = [way for each in answers[host.name]["reached"].values() for way in each if way[2]]
        counted = Counter(str(way[2]) for way in ways)
        own = {ip: link for link, ip in host.links}
        if host is hosts[0] and address in own:
            found[host.name] = own[address]
        elif counted:
            towards_first = [str(way[2]) for way in ways if way[0] == address]
            found[host.name] = towards_first[0] if towards_first else counted.most_common(1)[0][0]
    return found
