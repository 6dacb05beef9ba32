"""Start the ranks of a job on all hosts, over mpirun or ssh, and return how each ended."""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ipexenv.errors import OutsideError
from ipexenv.launch.frames import Passed, read_frames, tells_failure
from ipexenv.launch.mpirun import machinefile, mpirun_command, mpirun_environment
from ipexenv.launch.shipping import bundle, shipped, travelling
from ipexenv.launch.ssh import CONNECT_TIMEOUT_S, Unreached, explain_ssh, ssh_command
from ipexenv.system.group import Program

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ipexenv.launch.mpirun import Mpirun
    from ipexenv.launch.seats import Seat
    from ipexenv.launch.setting import HostPlacement, RankPlace
    from ipexenv.system.runner import Finished
    from ipexenv.system.world import World

START_LIMIT_S = 30.0
"""For the launcher to reach all hosts and for Python to start there, beside the ranks' own time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Meeting:
    """Where the ranks find rank 0."""

    address: str
    port: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """What every rank runs: a program of modules that are shipped along, so no host needs a file of it."""

    python: str
    """Path of the interpreter, the same on every host."""
    modules: Mapping[str, str]
    """Module name to source, in the order in which they are loaded."""
    main: str
    """The module whose ``main()`` is called."""
    request: Mapping[str, Any]
    """What ``main()`` finds in ``sys.argv[1]`` as JSON, with its ``rank`` added."""
    env: Mapping[str, str]
    """The whole environment on this machine; other hosts get what ``shipping.travelling`` lets through."""
    limit_s: float
    """Time of a rank, after which its keeper ends it."""
    interface_variables: tuple[str, ...] = ()
    """Set on each host to the interface that leads to rank 0, unless the user did."""
    placements: tuple[HostPlacement, ...] = ()
    """What the ranks of each host are given; empty where nobody could be asked, and keepers have to guess."""
    places_oneccl: bool = False
    """Whether oneCCL has to be told its place on the host and its CPUs, as Intel's bindings must."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Launched:
    """How it went."""

    ranks: tuple[Finished, ...]
    """In order of ranks, each with what it said itself."""
    unreached: tuple[tuple[str, Unreached], ...] = ()
    """Hosts where nothing could be started; the host is empty where the launcher does not name one."""
    words: str = ""
    """What the launcher itself printed."""


def start_ranks(world: World, order: Order, seats: Sequence[Seat], meeting: Meeting, mpirun: Mpirun | None) -> Launched:
    """Run ``order`` on all ``seats``; when one rank fails all others are ended, on every host.

    With ``mpirun`` None over ssh, one connection for each rank. Raises OutsideError where mpirun's file of hosts cannot
    be written, UsageError where the command line would be too long.
    """
    if mpirun is not None:
        return _over_mpirun(world, order, seats, meeting, mpirun)
    programs = [_over_ssh(world, order, seats, seat, meeting) for seat in seats]
    endings = world.group.run_together(programs, timeout_s=_limit_s(order))
    heard = [read_frames(ending.stdout) for ending in endings]
    said = [ranks.get(seat.rank, Passed()) for seat, (ranks, _) in zip(seats, heard, strict=True)]
    unreached = [
        (seat.host, explain_ssh(seat.host, ending.stderr, ending.returncode))
        for seat, passed, ending in zip(seats, said, endings, strict=True)
        if passed == Passed() and ending.returncode != 0 and not ending.ended and not ending.timed_out
    ]
    words = "\n".join([rest for _, rest in heard if rest] + [ending.stderr for ending in endings if ending.stderr])
    ranks = tuple(passed.finished(ending) for passed, ending in zip(said, endings, strict=True))
    return Launched(ranks=ranks, unreached=tuple(dict(unreached).items()), words=words)


def _limit_s(order: Order) -> float:
    return order.limit_s + CONNECT_TIMEOUT_S + START_LIMIT_S


def _argv(order: Order, seats: Sequence[Seat], meeting: Meeting, rank: int | None) -> tuple[str, ...]:
    whole = {
        "modules": dict(order.modules),
        "main": order.main,
        "request": dict(order.request),
        "rank": rank,
        "seats": [[seat.host, seat.local_rank, seat.local_size] for seat in seats],
        "env": travelling(order.env),
        "limit_s": order.limit_s,
        "hosts": {placement.host: as_order(placement) for placement in order.placements},
        "master_address": meeting.address,
        "master_port": meeting.port,
        "interface_variables": list(order.interface_variables),
        "places_oneccl": order.places_oneccl,
    }
    return shipped(order.python, keeper(), whole)


def as_order(
    placement: HostPlacement, bound_to: Callable[[RankPlace], tuple[int, ...]] | None = None
) -> dict[str, Any]:
    """Return what the keepers on a host read of its settings; what the user set is in their environment already.

    Ranks are not bound unless ``bound_to`` says to which CPUs.
    """
    return {
        "env": {setting.name: setting.value for setting in placement.settings if not setting.by_user},
        "ranks": [
            {
                "env": {setting.name: setting.value for setting in place.settings if not setting.by_user},
                "cpus": [] if bound_to is None else list(bound_to(place)),
                "nodes": [] if bound_to is None else list(place.numa_nodes),
            }
            for place in placement.ranks
        ],
    }


_KEEPER = ("_target_telling", "_target_place", "_target_guard", "_target_watch", "_target_keeper")
"""The keeper's modules, in the order in which they import each other."""


@cache
def keeper() -> str:
    """Return the program that keeps one rank; its orders travel beside it."""
    return bundle({name: Path(__file__).with_name(f"{name}.py").read_text("utf-8") for name in _KEEPER}, _KEEPER[-1])


def _over_ssh(world: World, order: Order, seats: Sequence[Seat], seat: Seat, meeting: Meeting) -> Program:
    argv = _argv(order, seats, meeting, seat.rank)
    if world.network.is_this_host(seat.host.rpartition("@")[2]):
        return Program(argv=argv, env=order.env)
    return Program(argv=ssh_command(seat.host, argv), env=world.env)


def _over_mpirun(world: World, order: Order, seats: Sequence[Seat], meeting: Meeting, mpirun: Mpirun) -> Launched:
    try:
        with tempfile.TemporaryDirectory(prefix="ipexenv-hosts-", ignore_cleanup_errors=True) as folder:
            file = Path(folder) / "machinefile"
            file.write_text(machinefile(mpirun, seats), encoding="utf-8")
            argv = mpirun_command(mpirun, seats, str(file), _argv(order, seats, meeting, None))
            # Hydra lets the other ranks wait for one that has ended, however it ended.
            env = {**order.env, **mpirun_environment(mpirun, order.env)}
            program = Program(argv=argv, env=env, is_failure=tells_failure)
            (ending,) = world.group.run_together([program], timeout_s=_limit_s(order))
    except OSError as error:
        raise OutsideError(
            f"mpirun needs a file of hosts, and none can be written: {error.strerror or error}",
            code="no-temporary-folder",
            hint="point TMPDIR to a writable folder",
        ) from None
    said, rest = read_frames(ending.stdout)
    words = "\n".join(part for part in (rest, ending.stderr) if part.strip())
    ranks = tuple(_of_mpirun(said.get(seat.rank, Passed()), ending, said) for seat in seats)
    silent = not said and ending.returncode != 0 and not ending.timed_out
    return Launched(ranks=ranks, unreached=(explain_mpirun(words, ending.returncode),) if silent else (), words=words)


def _of_mpirun(passed: Passed, ending: Finished, said: Mapping[int, Passed]) -> Finished:
    """Return how one rank ended; one that never said so was ended by mpirun, if another one failed of itself."""
    finished = passed.finished(ending)
    failed = any(each.ending is not None and each.ending.get("returncode") != 0 for each in said.values())
    if passed.ending is not None or not failed:
        return finished
    return replace(finished, timed_out=False, ended=True)


# Hydra's and Open MPI's own words, as seen in runs of Intel MPI 2021.18 and Open MPI 4.1 where a host or a file lacked.
_COMPLAINTS = (
    re.compile(r"(?P<what>[Uu]nable to run bstrap_proxy) on (?P<host>[\w.-]+)"),
    re.compile(r"\[proxy:\S*@(?P<host>[\w.-]+)\].*?(?P<what>execvp error on file .*)"),
    re.compile(r"ssh: (?P<what>connect to host (?P<host>[\w.-]+) port .*)"),
    re.compile(r"ssh: (?P<what>Could not resolve hostname (?P<host>[\w.-]+): .*)"),
)


def explain_mpirun(words: str, returncode: int) -> tuple[str, Unreached]:
    """Return the host that mpirun complained of, empty where it names none, and what was wrong there."""
    for pattern in _COMPLAINTS:
        match = pattern.search(words.replace("\r", ""))
        if match is not None:
            host, cause = match["host"], f"mpirun could start nothing there: {match['what']}"
            return host, Unreached(code="unreachable", cause=cause, hint=f"try `ssh -o BatchMode=yes {host} true`")
    first = next((line.strip() for line in words.splitlines() if line.strip()), "it said nothing")
    return "", Unreached(
        code="mpirun",
        cause=f"mpirun started nothing: exit code {returncode}, {first}",
        hint="`--launcher ssh` does without it",
    )
