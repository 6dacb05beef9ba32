"""Checking that all ranks call the same collective, with ``TORCH_DISTRIBUTED_DEBUG=DETAIL``.

oneCCL does not notice: ranks that call different collectives wait for each other, or exchange the wrong bytes.
"""

from __future__ import annotations

import ctypes
from typing import Any, Callable, Tuple

from torch.distributed import DebugLevel, get_debug_level

from .communicator import Connection
from .datatypes import name_of
from .errors import CclInputError

WORDS_BYTES = 256
UINT8 = 1


def is_wanted() -> bool:
    """Say whether torch's debug level asks for the check."""
    return bool(get_debug_level() == DebugLevel.DETAIL)


def checked(comm: Connection, what: str, same: Tuple[Any, ...], call: Callable[[], None]) -> Callable[[], None]:
    """Return a call that first compares what all ranks are about to do, and raises on all of them if they differ."""
    words = " ".join([what, *(_word(part) for part in same)]).encode()[:WORDS_BYTES]

    def check_and_call() -> None:
        own = ctypes.create_string_buffer(words, WORDS_BYTES)
        everyone = ctypes.create_string_buffer(WORDS_BYTES * comm.size)
        comm.all_gather(ctypes.addressof(own), ctypes.addressof(everyone), WORDS_BYTES, UINT8)
        said = [everyone.raw[start : start + WORDS_BYTES] for start in range(0, len(everyone), WORDS_BYTES)]
        if any(other != said[0] for other in said):
            each = [f"rank {rank}: {text.rstrip(bytes(1)).decode()}" for rank, text in enumerate(said)]
            raise CclInputError(f"the ranks call different collectives: {'; '.join(each)}")
        call()

    return check_and_call


def _word(part: Any) -> str:
    """Return what identifies a part of a call: a reduction by its name, a number or a type as it is."""
    return str(part) if isinstance(part, (int, str)) or hasattr(part, "is_floating_point") else name_of(part)
