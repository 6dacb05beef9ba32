"""What each rank of a host is about to do, laid open to the others there, so that a difference ends in an error.

oneCCL does not notice that ranks call different collectives: they wait for each other for ever, or it ends the
process. So every rank writes its next call into memory of its own, which the others may read, and looks at theirs.
The memory has no name and goes with the process.
"""

from __future__ import annotations

import mmap
import os
import struct
import time
from contextlib import suppress
from typing import Dict, NamedTuple, Optional, Sequence, Tuple

from .memory import nameless

PLACES = 16
"""Calls that can be read back; a rank that is further ahead of another one than this is not compared with it."""

WORDS_BYTES = 232

HEAD = struct.Struct("<QQQ")
"""Number of the call, length of its words, and whether sizes follow them."""

MOST_RANKS = 64
"""In larger groups looking at all the others would take longer than the collective."""

SETTLING_S = 1e-3
"""After so long nobody is in the middle of writing what he has begun to write."""


class Parts(NamedTuple):
    """How many elements a rank sends to each rank and expects from each."""

    sent: Sequence[int]
    received: Sequence[int]


class Board:
    """The ranks of one group on one host; ``post`` and ``difference`` take the number that a call has in the group."""

    def __init__(self, rank: int, size: int) -> None:
        """Make this rank's memory, unless the system or the number of ranks forbids it: then nothing is compared."""
        self._rank = rank
        self._size = size
        self._sizes = struct.Struct(f"<{2 * size}q")
        self._place_bytes = HEAD.size + WORDS_BYTES + self._sizes.size
        self._others: Tuple[Tuple[int, mmap.mmap], ...] = ()
        self._own: Optional[mmap.mmap] = None
        self.file = nameless(PLACES * self._place_bytes) if size <= MOST_RANKS else -1
        """What the others open, as ``/proc/<process>/fd/<file>``; -1 for none."""
        if self.file >= 0:
            self._own = mmap.mmap(self.file, PLACES * self._place_bytes)

    def meet(self, files: Dict[int, Tuple[int, int]]) -> None:
        """Map the memory of other ranks: by rank, process and file descriptor."""
        found = []
        for rank, (process, file) in files.items():
            with suppress(OSError, ValueError):  # not allowed to look at the other process
                theirs = os.open(f"/proc/{process}/fd/{file}", os.O_RDONLY | os.O_CLOEXEC)
                try:
                    found.append((rank, mmap.mmap(theirs, PLACES * self._place_bytes, prot=mmap.PROT_READ)))
                finally:
                    os.close(theirs)
        self._others = tuple(found)

    def close_file(self) -> None:
        """Close the file once all others have mapped it."""
        if self.file >= 0:
            os.close(self.file)
            self.file = -1

    def post(self, number: int, words: bytes, parts: Optional[Parts] = None) -> None:
        """Lay open what this rank does as call ``number`` of the group."""
        own = self._own
        if own is None:
            return
        start = number % PLACES * self._place_bytes
        HEAD.pack_into(own, start, 0, 0, 0)
        words = words[:WORDS_BYTES]
        own[start + HEAD.size : start + HEAD.size + len(words)] = words
        if parts is not None:
            self._sizes.pack_into(own, start + HEAD.size + WORDS_BYTES, *parts.sent, *parts.received)
        HEAD.pack_into(own, start, number, len(words), int(parts is not None))

    def has_posted(self, number: int) -> bool:
        """Say whether this rank has laid open that call."""
        return self._own is None or self._number(self._own, number) == number

    def difference(self, number: int) -> str:
        """Return in words how another rank's call differs from this rank's, once posted; empty if none does (yet)."""
        own = self._own
        if own is None:
            return ""
        start = number % PLACES * self._place_bytes
        _, length, exchanges = HEAD.unpack_from(own, start)
        end = start + HEAD.size + length
        for rank, theirs in self._others:
            same = theirs[start:end] == own[start:end]
            if same and not exchanges:
                continue
            if self._number(theirs, number) == number:
                found = self._told(number, rank, theirs)
                if found:
                    return found
        return ""

    def _number(self, memory: mmap.mmap, number: int) -> int:
        found: int = HEAD.unpack_from(memory, number % PLACES * self._place_bytes)[0]
        return found

    def _told(self, number: int, rank: int, theirs: mmap.mmap) -> str:
        """Compare carefully: what looks different may have been in the middle of being written."""
        first = self._compared(number, rank, theirs)
        if not first:
            return ""
        time.sleep(SETTLING_S)
        again = self._compared(number, rank, theirs)
        return again if self._number(theirs, number) == number else ""

    def _compared(self, number: int, rank: int, theirs: mmap.mmap) -> str:
        assert self._own is not None  # noqa: S101 (for the type checker)
        mine, other = self._words(self._own, number), self._words(theirs, number)
        if mine != other:
            return f"rank {self._rank} calls {mine}, and rank {rank} calls {other}"
        sent, received = self._parts(self._own, number)
        their_sent, their_received = self._parts(theirs, number)
        if sent[rank] != their_received[self._rank]:
            return _told_parts(mine, self._rank, sent[rank], rank, their_received[self._rank])
        if received[rank] != their_sent[self._rank]:
            return _told_parts(mine, rank, their_sent[self._rank], self._rank, received[rank])
        return ""

    def _words(self, memory: mmap.mmap, number: int) -> str:
        start = number % PLACES * self._place_bytes
        length = HEAD.unpack_from(memory, start)[1]
        return memory[start + HEAD.size : start + HEAD.size + length].decode(errors="replace")

    def _parts(self, memory: mmap.mmap, number: int) -> Parts:
        start = number % PLACES * self._place_bytes
        if not HEAD.unpack_from(memory, start)[2]:
            return Parts([0] * self._size, [0] * self._size)
        sizes = self._sizes.unpack_from(memory, start + HEAD.size + WORDS_BYTES)
        return Parts(sizes[: self._size], sizes[self._size :])


def _told_parts(what: str, sender: int, sent: int, receiver: int, received: int) -> str:
    return f"in {what}, rank {sender} sends {sent} elements to rank {receiver}, which expects {received}"
