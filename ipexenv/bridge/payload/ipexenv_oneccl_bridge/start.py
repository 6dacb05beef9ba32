"""Bringing a group up: describe, choose the settings, connect. Errors come within the group's time, on every rank."""

from __future__ import annotations

import base64
import contextlib
import ctypes
import glob
import os
import sys
from typing import Any, Dict, NamedTuple, Optional, Sequence, Tuple

from . import census, cpus, interfaces, launchers, settings
from .board import Board
from .census import Member
from .communicator import Alone, Communicator, Connection, make_identity, read_identity
from .errors import CclError, CclTimeoutError
from .lane import run_once
from .library import Library, folder, mpi_library
from .near import Near
from .quiet import without_greeting
from .shared import meet

INTERFACE_VARIABLES = ("CCL_KVS_IFACE", "FI_TCP_IFACE")


class Started(NamedTuple):
    """A connected group."""

    communicator: Connection
    members: Tuple[Member, ...]
    near: Optional[Near]
    """Memory that all ranks share, where they do."""
    board: Optional[Board]
    """What the ranks of this host say they do; ``None`` where this rank is alone."""


class _Process:
    """What all groups of this process share; oneCCL reads its settings once."""

    library: Optional[Library] = None
    settings: Optional[Dict[str, str]] = None
    cpu: Optional[int] = None


def library() -> Library:
    """Return oneCCL, loaded on the first call; raise ``CclError`` if it cannot be."""
    if _Process.library is None:
        _Process.library = Library(folder(os.environ))
    return _Process.library


def communication_cpu() -> Optional[int]:
    """Return the CPU of oneCCL's worker, where one was chosen."""
    return _Process.cpu


def in_use() -> str:
    """Say in one line which oneCCL this process uses, over what, and what the bridge set for it."""
    if _Process.library is None:
        return "oneCCL is not loaded: no group was made yet"
    chosen = " ".join(f"{name}={value}" for name, value in sorted((_Process.settings or {}).items()))
    return f"{_Process.library.describe()}; set by the bridge: {chosen or 'nothing'}"


def start(store: Any, rank: int, size: int, *, timeout_s: float, whole: bool) -> Started:
    """Connect the ranks of a group; ``whole`` says that it holds all ranks of the job.

    Raises ``CclError`` with the reason of whichever rank cannot take part, ``CclTimeoutError`` after ``timeout_s``.
    """
    if size == 1:
        return Started(Alone(), (), None, None)
    place = _place(rank, size, whole=whole)
    board = Board(rank, size)
    try:
        me = _describe(place, board)
        if rank == 0:
            members, identity = _lead(store, size, me, place, timeout_s=timeout_s, whole=whole)
        else:
            answer = census.join(store, rank, me, timeout_s=timeout_s)
            members, identity = answer.members, base64.b64decode(answer.word)
            _settle(members, rank, place, whole=whole)
        board.meet(census.boards(members, rank))
        communicator, near = _connect(members, rank, identity, timeout_s, whole=whole)
    finally:
        board.close_file()  # nobody connects before he has mapped it
    return Started(communicator, members, near, board)


def _place(rank: int, size: int, *, whole: bool) -> launchers.Place:
    """Return this process's place in the job, as far as its launcher started this very job."""
    if not whole:
        from torch.distributed import get_rank, get_world_size

        rank, size = get_rank(), get_world_size()
    return launchers.place_among(os.environ, rank, size)


def _describe(place: launchers.Place, board: Board) -> Member:
    problem = ""
    try:
        library()
        _check_interfaces()
    except CclError as error:
        problem = str(error)
    under_mpi = launchers.has_intel_mpi(place, os.environ)
    return census.describe(
        master=os.environ.get("MASTER_ADDR", ""),
        mpi=under_mpi and mpi_library(folder(os.environ), os.environ, sys.prefix) is not None,
        problem=problem,
        board=board.file,
    )


def _check_interfaces() -> None:
    """Refuse an interface that is not there, and a host where none is up: oneCCL would wait for ever."""
    known = interfaces.names()
    if not interfaces.up():
        raise CclError(
            f"no network interface of this host is up (of {', '.join(known)}), and oneCCL needs one even where all "
            "ranks are on one host: `ip link set lo up`"
        )
    for variable in INTERFACE_VARIABLES:
        for named in os.environ.get(variable, "").split(","):
            name = named.strip().rpartition(":")[2]
            if name and name.lstrip("^") not in known:
                raise CclError(f"{variable} names the network interface {name!r}, and this host has {', '.join(known)}")


def _lead(
    store: Any, size: int, me: Member, place: launchers.Place, *, timeout_s: float, whole: bool
) -> Tuple[Tuple[Member, ...], bytes]:
    """Gather the others, on rank 0, and tell them how to connect."""
    try:
        members = (me,) if me.problem else census.gather(store, size, me, timeout_s=timeout_s)
        census.refuse(members)
        _settle(members, 0, place, whole=whole)
        identity = _first_word()
    except CclError as error:
        census.publish_failure(store, size, str(error), timeout_s=timeout_s)
        raise
    census.publish(store, census.Census(members, base64.b64encode(identity).decode()))
    return members, identity


def _first_word() -> bytes:
    """Make the identity; oneCCL reads its settings in here, and greets."""
    if "CCL_LOG_LEVEL" not in (_Process.settings or {}):
        return make_identity(library())
    with without_greeting():
        return make_identity(library())


def _settle(members: Sequence[Member], rank: int, place: launchers.Place, *, whole: bool) -> None:
    """Put the chosen settings into the environment; only the first group of a process can choose."""
    if _Process.settings is not None:
        return
    scene = _scene(members, rank, place, whole=whole)
    _Process.settings = settings.choose(scene, os.environ)
    os.environ.update(_Process.settings)
    _Process.cpu = settings.communication_cpu(os.environ, scene.local_rank)
    if settings.are_cpus_scarce(scene.cpus, scene.local_size):
        cpus.share(_Process.cpu)


def _scene(members: Sequence[Member], rank: int, place: launchers.Place, *, whole: bool) -> settings.Scene:
    near = census.neighbours(members, rank)
    local_rank, local_size = near.index(rank), len(near)
    if place.local_rank is not None and place.local_size is not None:
        local_rank, local_size = place.local_rank, place.local_size
    path = folder(os.environ)
    reaching = _interface(members, rank)
    alone = census.of_one_host(members) and (whole or reaching is None)
    return settings.Scene(
        library_folder=path,
        local_rank=local_rank,
        local_size=local_size,
        one_host=alone,
        shm_room=census.shm_room(members),
        cpus=tuple(sorted(os.sched_getaffinity(0))),
        interface=reaching,
        mpi_library=mpi_library(path, os.environ, sys.prefix) if all(member.mpi for member in members) else None,
    )


def _interface(members: Sequence[Member], rank: int) -> Optional[str]:
    """Return the interface on the way to the master, or else to another host of the group."""
    others = [member.address for member in members if member.host != members[rank].host]
    known = interfaces.addresses()
    for target in [os.environ.get("MASTER_ADDR", ""), *others]:
        source = interfaces.source_towards(target) if target else None
        if source and not interfaces.is_loopback(source):
            return interfaces.holding(source, known)
    return None


def _connect(
    members: Sequence[Member], rank: int, identity: bytes, timeout_s: float, *, whole: bool
) -> Tuple[Communicator, Optional[Near]]:
    def connect() -> Tuple[Communicator, Optional[Near]]:
        made = Communicator(library(), rank, len(members), read_identity(identity))
        if whole:
            _meet(made)
            remove_segments()
        return made, meet(members, made)

    ended, connected = run_once(connect, timeout_s, "ccl-connect")
    if not ended:
        kvs, tcp = (os.environ.get(name, "not set") for name in INTERFACE_VARIABLES)
        raise CclTimeoutError(
            f"rank {rank} could not connect to the other {len(members) - 1} rank(s) within {timeout_s:g} s, over "
            f"CCL_ATL_TRANSPORT={os.environ.get('CCL_ATL_TRANSPORT')} CCL_KVS_IFACE={kvs} FI_TCP_IFACE={tcp}; "
            "name the interface that reaches the other hosts in CCL_KVS_IFACE and FI_TCP_IFACE"
        )
    found: Tuple[Communicator, Optional[Near]] = connected
    return found


def _meet(communicator: Communicator) -> None:
    """Send one byte from every rank to every other: whoever has sent to this rank has mapped its segment."""
    size = communicator.size
    outward, inward = ctypes.create_string_buffer(size), ctypes.create_string_buffer(size)
    ones = [1] * size
    communicator.all_to_all_uneven(ctypes.addressof(outward), ones, ctypes.addressof(inward), ones, 0)


def remove_segments() -> None:
    """Take this process's shared-memory segments out of ``/dev/shm``.

    Once all ranks have mapped each other's segments their names are needed no more, and a process that is killed
    then leaves nothing behind.
    """
    for path in glob.glob(f"{census.SHM_FOLDER}/{os.getpid()}:[0-9]*:[0-9]*"):
        with contextlib.suppress(OSError):  # another user's, or gone
            os.unlink(path)
