"""Making memory that all ranks of a group share, where they are on one host and can."""

from __future__ import annotations

import ctypes
import mmap
import os
from contextlib import suppress
from typing import Mapping, Optional, Sequence

import torch

from .census import Member
from .communicator import Communicator
from .datatypes import MINIMUM, TYPE_CODES
from .memory import nameless
from .near import Near, bytes_needed

LIMIT_VARIABLE = "IPEXENV_BRIDGE_NEAR_BYTES"
"""Names another limit than ``LIMIT_BYTES``; 0 leaves everything to oneCCL."""

LIMIT_BYTES = 1 << 20
"""Above this oneCCL is nearly as fast, and leaves Python's lock to others meanwhile."""

MOST_RANKS = 8
"""Each rank reads what every other one laid out; among many oneCCL's ways are better."""

INT64 = TYPE_CODES[torch.int64]


def limit_bytes(environ: Mapping[str, str]) -> int:
    """Return up to which size this rank would share memory, in bytes, a multiple of 4096; 0 for never."""
    text = environ.get(LIMIT_VARIABLE, "").strip()
    return (int(text) if text.isdigit() else LIMIT_BYTES) & -4096


def meet(members: Sequence[Member], communicator: Communicator) -> Optional[Near]:
    """Return the shared memory of a group; ``None`` on all ranks if one of them is elsewhere or cannot take part."""
    places = {(member.host, member.pid_space) for member in members}
    if len(places) > 1 or len(members) > MOST_RANKS:
        return None
    wanted = limit_bytes(os.environ)
    offer = (ctypes.c_int64 * 2)(-1, wanted)
    if communicator.rank == 0:
        offer[0] = nameless(bytes_needed(len(members), wanted)) if wanted else -1
    communicator.broadcast(ctypes.addressof(offer), 2, INT64, 0)
    file, offered_bytes = offer
    near = _take(members, communicator, file, offered_bytes) if file >= 0 else None
    common = (ctypes.c_int64 * 1)(wanted if near else 0)
    address = ctypes.addressof(common)
    communicator.all_reduce(address, address, 1, INT64, MINIMUM)
    if communicator.rank == 0 and file >= 0:
        os.close(file)
    if near:
        near.limit_bytes = min(offered_bytes, common[0])
    return near if near and near.limit_bytes else None


def _take(members: Sequence[Member], communicator: Communicator, file: int, offered_bytes: int) -> Optional[Near]:
    """Map the memory that the first rank holds open as ``file``."""
    rank, size = communicator.rank, communicator.size
    with suppress(OSError, ValueError):  # not allowed to look at the other process, or too small
        own = os.open(f"/proc/{members[0].pid}/fd/{file}", os.O_RDWR | os.O_CLOEXEC)
        try:
            return Near(mmap.mmap(own, bytes_needed(size, offered_bytes)), rank, size, offered_bytes)
        finally:
            os.close(own)
    return None
