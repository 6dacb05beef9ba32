"""Small allreduces between ranks of one host, through memory that they share.

oneCCL takes 15 microseconds for the smallest allreduce, a hand-over to its worker and back among them. Here a rank lays
its numbers out for the others, sees theirs and adds them up, which takes two. The memory has no name: it goes
with the processes that hold it, however they end, and takes no room in ``/dev/shm``.

What one rank writes the others see in the order in which it was written: more is not asked of the processor, and
x86-64, the only one that oneCCL is made for, promises it (Intel's Software Developer's Manual, "Memory Ordering").
"""

from __future__ import annotations

import mmap
from typing import Any, Callable, Dict, Iterator, Sequence, Tuple

import torch

from . import tensors as buffers
from .datatypes import TYPE_CODES, Reduction
from .errors import CclError, CclInputError

TYPES = (torch.float32, torch.bfloat16, torch.float64, torch.int64, torch.int32)
"""Types that every torch from 2.0 on can add, multiply and compare on the CPU."""

COMBINE: Tuple[Callable[[Any, Any], Any], ...] = (
    torch.Tensor.add_,
    torch.Tensor.mul_,
    lambda total, more: torch.maximum(total, more, out=total),
    lambda total, more: torch.minimum(total, more, out=total),
)
"""What adds a tensor to a total in place, by oneCCL's number of the reduction."""

REDUCTION_NAMES = ("SUM", "PRODUCT", "MAX", "MIN")

PAIR = 2

PAIR_SHARED_BYTES, SHARED_BYTES = 128 << 10, 32 << 10
"""Above this, between two ranks and among more, each adds up its own part for all instead of everything for itself.

Two ranks read as many bytes of each other in the one way as in the other; only adding up short types takes so long that
it is worth sharing out.
"""

SHORT_BYTES = 2
"""Size of an element of a short type."""

COPIED_BYTES = 32 << 10
"""Above this torch adds short types faster from this CPU's cache than right from another's, the copying included."""

LINE_WORDS = 16
"""Words of 8 bytes between what one rank writes and what the next one does: two cache lines, which come in pairs."""

MARKS = 3
"""How far a rank is in a turn: its numbers are laid out, its part of the total is, it needs the others' no more."""

SHAPES_KEPT = 256

Steps = Iterator[None]
"""A collective in pieces: it yields whenever it has to wait for another rank."""


def bytes_needed(size: int, slot_bytes: int) -> int:
    """Return how much memory a group of ``size`` ranks needs."""
    return size * (LINE_WORDS * 8 + slot_bytes)


class Near:
    """Memory of a group: a line of words and a slot for each rank, in which it lays out its numbers.

    The words are how far the rank has come, and what it does in this turn. It writes into its slot again once all the
    others have said that they need what is there no more.
    """

    def __init__(self, memory: mmap.mmap, rank: int, size: int, slot_bytes: int) -> None:
        """Use the memory, which is as long as ``bytes_needed`` says, and zero."""
        self.limit_bytes = slot_bytes
        self._rank = rank
        self._size = size
        self._words = memoryview(memory).cast("Q")
        self._mine = rank * LINE_WORDS
        self._others = tuple(other * LINE_WORDS for other in range(size) if other != rank)
        with torch.inference_mode(mode=False):
            lines = size * LINE_WORDS * 8
            self._slots = torch.frombuffer(memory, dtype=torch.uint8, offset=lines).view(size, slot_bytes)
        self._desk: Any = torch.empty(0, dtype=torch.uint8)
        self._turn = 0
        self._is_inside = False
        self._views: Dict[Any, Sequence[Sequence[Any]]] = {}

    def takes(self, tensor: Any) -> bool:
        """Say whether the tensor goes this way; the same on all ranks, whatever its layout."""
        return 0 < tensor.numel() * tensor.element_size() <= self.limit_bytes and tensor.dtype in TYPES

    def all_reduce(self, tensor: Any, how: Reduction) -> Steps:
        """Reduce a tensor in place; raise ``CclInputError`` if the ranks' tensors or reductions differ."""
        if tensor.requires_grad or not tensor.is_contiguous() or tensor.is_inference():
            return self._through_a_copy(tensor, how)
        if self._is_shared_out(tensor):
            return self._by_parts(tensor.view(-1), how)
        return self._by_all(tensor, how)

    def _through_a_copy(self, tensor: Any, how: Reduction) -> Steps:
        with torch.inference_mode(mode=False):
            dense = torch.empty(tensor.shape, dtype=tensor.dtype)
        dense.copy_(tensor.detach())
        yield from self.all_reduce(dense, how)
        buffers.settle(tensor, dense)

    def _is_shared_out(self, tensor: Any) -> bool:
        size_bytes: int = tensor.numel() * tensor.element_size()
        if self._size > PAIR:
            return size_bytes > SHARED_BYTES
        return size_bytes > PAIR_SHARED_BYTES and tensor.element_size() <= SHORT_BYTES

    def _by_all(self, tensor: Any, how: Reduction) -> Steps:
        """Let every rank add up everything."""
        start, rank = self._begin(), self._rank
        yield from self._wait(start)
        slots = self._slots_like(tensor, 1)
        slots[rank][0].copy_(tensor)
        self._describe(tensor, how)
        yield from self._reach(start + 1)
        self._compare(start)
        if self._size == PAIR:
            COMBINE[how.code](tensor, self._at_hand(slots[1 - rank][0]))
        else:
            if rank:  # all ranks add up in the same order: rounding depends on it
                tensor.copy_(slots[0][0])
            for (slot,) in slots[1:]:
                COMBINE[how.code](tensor, slot)
        if how.average:
            buffers.average(tensor, self._size)
        self._end(start)

    def _by_parts(self, tensor: Any, how: Reduction) -> Steps:
        """Let every rank add up its own part, and copy those of the others."""
        start, rank = self._begin(), self._rank
        yield from self._wait(start)
        slots, parts = self._slots_like(tensor, self._size), _parts(tensor, self._size)
        others = [other for other in range(self._size) if other != rank]
        for other in others:
            slots[rank][other].copy_(parts[other])
        self._describe(tensor, how)
        yield from self._reach(start + 1)
        self._compare(start)
        total = parts[rank]
        for other in others:
            COMBINE[how.code](total, self._at_hand(slots[other][rank]))
        if how.average:
            buffers.average(total, self._size)
        slots[rank][rank].copy_(total)
        yield from self._reach(start + 2)
        for other in others:
            parts[other].copy_(slots[other][other])
        self._end(start)

    def _at_hand(self, slot: Any) -> Any:
        """Return what another rank laid out, in the place from where it is added fastest."""
        if slot.element_size() > SHORT_BYTES or slot.numel() * slot.element_size() <= COPIED_BYTES:
            return slot
        size_bytes = slot.numel() * slot.element_size()
        if self._desk.numel() < size_bytes:
            with torch.inference_mode(mode=False):
                self._desk = torch.empty(size_bytes, dtype=torch.uint8)
        return self._desk[:size_bytes].view(slot.dtype).copy_(slot.view(-1)).view(slot.shape)

    def _slots_like(self, tensor: Any, parts: int) -> Sequence[Sequence[Any]]:
        """Return every rank's slot, as parts of a tensor of that type and shape."""
        key = tensor.dtype, tensor.shape
        views = self._views.get(key)
        if views is None:
            if len(self._views) >= SHAPES_KEPT:
                self._views.clear()
            with torch.inference_mode(mode=False):  # views made in it cannot be written outside
                used = self._slots[:, : tensor.numel() * tensor.element_size()].view(tensor.dtype)
                views = self._views[key] = [_parts(slot.view(tensor.shape), parts) for slot in used]
        return views

    def _begin(self) -> int:
        """Return the mark from which this turn goes on."""
        if self._is_inside:
            raise CclError("an allreduce of this group was interrupted, so its ranks are no longer in step")
        self._is_inside = True
        self._turn += 1
        return (self._turn - 1) * MARKS

    def _end(self, start: int) -> None:
        self._words[self._mine] = start + MARKS
        self._is_inside = False

    def _reach(self, mark: int) -> Steps:
        """Say that this rank has come so far, and yield until all others have."""
        self._words[self._mine] = mark
        return self._wait(mark)

    def _wait(self, mark: int) -> Steps:
        words = self._words
        for other in self._others:
            while words[other] < mark:
                yield

    def _describe(self, tensor: Any, how: Reduction) -> None:
        self._words[self._mine + 1] = tensor.numel() | how.type_code << 32 | how.code << 40 | how.average << 48

    def _compare(self, start: int) -> None:
        """Raise if the ranks do different things in this turn; all of them find it out, and may go on afterwards."""
        own = self._words[self._mine + 1]
        for other in self._others:
            theirs = self._words[other + 1]
            if theirs != own:
                self._end(start)
                raise CclInputError(
                    f"allreduce: rank {self._rank} of the group gave {_told(own)}, and rank {other // LINE_WORDS} "
                    f"gave {_told(theirs)}"
                )


def _parts(tensor: Any, size: int) -> Tuple[Any, ...]:
    """Return the part of each rank; one part is the whole."""
    if size == 1:
        return (tensor,)
    each = -(-tensor.numel() // size)
    return tuple(tensor[rank * each : (rank + 1) * each] for rank in range(size))


def _told(word: int) -> str:
    """Say in words what a rank does."""
    dtype = next(str(dtype)[6:] for dtype in TYPES if TYPE_CODES[dtype] == word >> 32 & 0xFF)
    name = "AVG" if word >> 48 else REDUCTION_NAMES[word >> 40 & 0xFF]
    return f"{dtype}[{word & 0xFFFFFFFF}] ({name})"
