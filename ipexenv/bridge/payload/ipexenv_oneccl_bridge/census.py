"""Who is in a group: every rank says what it is and where, and rank 0 tells all of them what it gathered.

It travels through the store that torch made for the group, two messages for each rank. A rank that cannot take part
says so here, so that the others fail at once with its reason instead of waiting for it.
"""

from __future__ import annotations

import json
import os
import socket
import time
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

from . import interfaces
from .asking import has, put
from .errors import CclError, CclTimeoutError

SHM_FOLDER = "/dev/shm"  # noqa: S108 (the kernel's place for shared memory, not a temporary file)

SHM_BYTES_PER_RANK = 24 << 20
"""What one rank's segment of libfabric's shm provider really occupies (it is sparse, 64 MiB by its length)."""

POLL_S = 0.01

READING_S = 5.0
"""How long rank 0 waits for the others to read that the group cannot start."""


class Member(NamedTuple):
    """One rank, as it describes itself."""

    host: str
    """Same for all processes that reach each other over loopback: host name, boot and network namespace."""
    pid_space: str
    """Same for all processes that see each other's process ids and ``/dev/shm``."""
    pid: int
    started: str
    shm_free_bytes: int
    address: str
    """IPv4 address on the way to the master; empty where there is none."""
    mpi: bool
    """Whether Intel MPI's launcher started this rank and its library is there."""
    problem: str = ""
    board: int = -1
    """File descriptor of what this rank lays open to the others of its host; -1 for none."""


class Census(NamedTuple):
    """All members of a group, by rank, and rank 0's word for them."""

    members: Tuple[Member, ...]
    word: str


def _link(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""


def _text(path: str) -> str:
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return ""


def started(pid: int) -> str:
    """Return when a process started, in clock ticks since boot (proc(5), field 22); empty if it has ended."""
    fields = _text(f"/proc/{pid}/stat").rpartition(")")[2].split()
    has_ended = not fields or fields[0] in {"Z", "X"}
    return "" if has_ended else fields[19]


def _shm_free_bytes() -> int:
    try:
        status = os.statvfs(SHM_FOLDER)
    except OSError:
        return 0
    return status.f_bavail * status.f_frsize


def _shm_device() -> int:
    try:
        return os.stat(SHM_FOLDER).st_dev
    except OSError:
        return 0


def describe(*, master: str, mpi: bool, problem: str, board: int) -> Member:
    """Describe this process; ``problem`` says why it cannot take part, and is empty otherwise."""
    boot = _text("/proc/sys/kernel/random/boot_id")
    return Member(
        host=f"{socket.gethostname()} {boot} {_link('/proc/self/ns/net')}",
        pid_space=f"{boot} {_link('/proc/self/ns/pid')} {_shm_device()}",
        pid=os.getpid(),
        started=started(os.getpid()),
        shm_free_bytes=_shm_free_bytes(),
        address=(interfaces.source_towards(master) or "") if master else "",
        mpi=mpi,
        problem=problem,
        board=board,
    )


def parse(text: str) -> Census:
    """Read what rank 0 published."""
    document: Dict[str, Any] = json.loads(text)
    members = (Member(**row) for row in document["members"])
    return Census(tuple(members), document["word"])


def serialise(census: Census) -> str:
    """Write what rank 0 publishes."""
    return json.dumps({"members": [member._asdict() for member in census.members], "word": census.word})


def gather(store: Any, size: int, me: Member, *, timeout_s: float) -> Tuple[Member, ...]:
    """Collect every rank's description, on rank 0; raise if one is missing after ``timeout_s``."""
    rows: List[Optional[Member]] = [me] + [None] * (size - 1)
    deadline = time.monotonic() + timeout_s
    while True:
        for rank in range(1, size):
            if rows[rank] is None and has(store, f"member/{rank}"):
                rows[rank] = Member(**json.loads(store.get(f"member/{rank}")))
        missing = [rank for rank, row in enumerate(rows) if row is None]
        if not missing:
            break
        if time.monotonic() > deadline:
            raise CclTimeoutError(
                f"rank(s) {', '.join(map(str, missing))} of a group of {size} did not join within {timeout_s:g} s"
            )
        time.sleep(POLL_S)
    return tuple(row for row in rows if row is not None)


def publish(store: Any, census: Census) -> None:
    """Tell all ranks what rank 0 gathered."""
    put(store, "census", serialise(census))


def publish_failure(store: Any, size: int, reason: str, *, timeout_s: float) -> None:
    """Tell all ranks that the group cannot start, and why; stay until they have read it, for the store may be here."""
    put(store, "census", json.dumps({"failure": reason}))
    deadline = time.monotonic() + min(timeout_s, READING_S)
    while not all(has(store, f"read/{rank}") for rank in range(1, size)) and time.monotonic() < deadline:
        time.sleep(POLL_S)


def join(store: Any, rank: int, me: Member, *, timeout_s: float) -> Census:
    """Publish this rank's description and return what rank 0 gathered; raise if rank 0 failed or does not answer."""
    put(store, f"member/{rank}", json.dumps(me._asdict()))
    deadline = time.monotonic() + timeout_s
    while not has(store, "census"):
        if time.monotonic() > deadline:
            raise CclTimeoutError(f"rank 0 of the group did not start it within {timeout_s:g} s")
        time.sleep(POLL_S)
    text = store.get("census").decode()
    failure = json.loads(text).get("failure")
    if failure:
        put(store, f"read/{rank}", "1")
        raise CclError(failure)
    return parse(text)


def refuse(members: Sequence[Member]) -> None:
    """Raise ``CclError`` with the reason of the first rank that cannot take part."""
    known: Dict[Tuple[str, int], int] = {}  # by network and process id: so oneCCL tells ranks apart
    for rank, member in enumerate(members):
        name = _host_name(member)
        if member.problem:
            raise CclError(f"rank {rank} on {name} cannot take part: {member.problem}")
        twin = known.setdefault((member.host.partition(" ")[2], member.pid), rank)
        if twin != rank:
            raise CclError(
                f"ranks {twin} and {rank} both are process {member.pid}, each in a container of its own, and share one "
                "network, so that oneCCL cannot tell them apart: let the containers share the process ids as well"
            )


def _host_name(member: Member) -> str:
    return member.host.split()[0]


def of_one_host(members: Sequence[Member]) -> bool:
    """Say whether all ranks reach each other over loopback."""
    return len({member.host for member in members}) == 1


def neighbours(members: Sequence[Member], rank: int) -> Tuple[int, ...]:
    """Return the ranks on the host of ``rank``, itself among them, in order."""
    name = _host_name(members[rank])
    return tuple(other for other, member in enumerate(members) if _host_name(member) == name)


def boards(members: Sequence[Member], rank: int) -> Dict[int, Tuple[int, int]]:
    """Return process and file descriptor of what other ranks lay open to this one, by rank."""
    here = members[rank].pid_space
    return {
        other: (member.pid, member.board)
        for other, member in enumerate(members)
        if other != rank and member.pid_space == here and member.board >= 0
    }


def shm_room(members: Sequence[Member]) -> bool:
    """Say whether ``/dev/shm`` has room on every host, and its ranks see each other's segments."""
    for rank, member in enumerate(members):
        near = neighbours(members, rank)
        if member.shm_free_bytes < len(near) * SHM_BYTES_PER_RANK:
            return False
        if len({members[other].pid_space for other in near}) > 1:
            return False
    return True


def is_alive(member: Member) -> bool:
    """Say whether a member on this host still runs; the start time tells it from a later process of the same id."""
    return started(member.pid) == member.started
