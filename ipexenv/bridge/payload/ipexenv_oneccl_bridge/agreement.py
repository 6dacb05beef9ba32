"""Checking that all ranks call the same collective, with ``TORCH_DISTRIBUTED_DEBUG=DETAIL``.

oneCCL does not notice: ranks that call different collectives wait for each other, or exchange the wrong bytes.
"""

from __future__ import annotations

import ctypes
import zlib
from typing import Any, Callable, Dict, Tuple

from torch.distributed import DebugLevel, get_debug_level

from .communicator import Connection
from .datatypes import name_of
from .errors import CclInputError

WORDS_BYTES = 232
WORDS_KEPT = 1024

UINT8 = 1

_words: Dict[Any, bytes] = {}
"""What was said before: programs repeat themselves, and making words takes longer than finding them."""


def is_wanted() -> bool:
    """Say whether torch's debug level asks for the check."""
    return bool(get_debug_level() == DebugLevel.DETAIL)


def words(what: str, same: Tuple[Any, ...]) -> bytes:
    """Return in words what must be the same on all ranks, such as ``allreduce float32 1000 SUM``."""
    key = what, same
    found = _words.get(key)
    if found is None:
        if len(_words) >= WORDS_KEPT:
            _words.clear()
        found = " ".join([what, *(_word(part) for part in same)]).encode()
        if len(found) > WORDS_BYTES:
            found = found[: WORDS_BYTES - 16] + f"... {zlib.crc32(found):08x}".encode()
        _words[key] = found
    return found


def checked(comm: Connection, own_words: bytes, call: Callable[[], None]) -> Callable[[], None]:
    """Return a call that first compares what all ranks are about to do, and raises on all of them if they differ."""

    def check_and_call() -> None:
        own = ctypes.create_string_buffer(own_words, WORDS_BYTES)
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
    if isinstance(part, (int, str)):
        return str(part)
    return str(part)[6:] if hasattr(part, "is_floating_point") else name_of(part)
