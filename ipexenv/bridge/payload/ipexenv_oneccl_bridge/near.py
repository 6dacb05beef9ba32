"""Small allreduces between ranks of one host, through memory that they share.

oneCCL takes 15 microseconds for the smallest allreduce, a hand-over to its worker and back among them. Here a rank lays
its numbers out for the others, sees theirs and adds them up, which takes two. The memory has no name: it goes
with the processes that hold it, however they end, and takes no room in ``/dev/shm``.

What one rank writes the others see in the order in which it was written: more is not asked of the processor, and
x86-64, the only one that oneCCL is made for, promises it (Intel's Software Developer's Manual, "Memory Ordering").
"""

from __future__ import annotations

import ctypes
import mmap
import time
from typing import Any, Callable, Dict, Iterator, NamedTuple, Optional, Sequence, Tuple

import torch

from . import cpus
from . import tensors as buffers
from .datatypes import TYPE_CODES, Reduction
from .errors import CclError, CclInputError
from .threads import on_one_thread

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

PAIR_SHARED_BYTES, SHARED_BYTES = 64 << 10, 32 << 10
"""Above this, between two ranks and among more, each adds up its own part for all instead of everything for itself.

Two ranks read as many bytes of each other in the one way as in the other; only adding up short types takes so long that
it is worth sharing out.
"""

SHORT_BYTES = 2
"""Size of an element of a short type."""

COPIED_BYTES = 32 << 10
"""Above this torch adds short types faster from this CPU's cache than right from another's, the copying included."""

PIECE_BYTES = 256 << 10
"""Larger tensors go in pieces, so that what the ranks lay out for each other stays in the caches."""

LINE_WORDS = 16
"""Words of 8 bytes between what one rank writes and what the next one does: two cache lines, which come in pairs."""

SIDES = 2
"""A rank lays out in turns on the one and on the other side of its slot.

Once all others have laid out their numbers in a turn, they have done with the turn before: what a rank laid out then
may be written over, and nobody waits for the others to come out of a turn.
"""

MARKS = 2
"""How far a rank is in a turn: its numbers are laid out, its part of the total is."""

CPU_WORD = 1 + SIDES
"""Where in its line a rank that waits says on which CPU: 1 more than the CPU's number."""

APART_AGAIN_S = 1e-3
"""A rank that waits on the CPU of another one leaves it at most so often."""

PLANS_KEPT = 256

Steps = Iterator[None]
"""A collective in pieces: it yields whenever it has to wait for another rank."""


class Plan(NamedTuple):
    """How tensors of one type and shape are reduced."""

    way: Callable[[Near, Any, Plan, Reduction, int], Steps]
    """A method of ``Near``, unbound: a plan that held its owner would keep the memory of a group that is gone."""
    word: int
    """The number of elements and the type."""
    elements: int
    cuts: Sequence[slice]
    """The pieces of a large tensor, or the parts of one that is shared out: one for each rank."""
    slots: Sequence[Sequence[Any]]
    """For each side every rank's slot, shaped like the tensor, or its parts."""
    desk: Optional[Any]
    """Where another rank's numbers are copied before they are added."""


def bytes_needed(size: int, limit_bytes: int) -> int:
    """Return how much memory a group of ``size`` ranks needs for allreduces of up to so many bytes."""
    return size * (LINE_WORDS * 8 + SIDES * min(limit_bytes, PIECE_BYTES))


class Near:
    """Memory of a group: a line of words and a slot for each rank, in which it lays out its numbers.

    The words are how far the rank has come, and what it does in this turn and did in the one before.
    """

    def __init__(self, memory: mmap.mmap, rank: int, size: int, limit_bytes: int) -> None:
        """Use the memory, which is as long as ``bytes_needed`` says, and zero."""
        self.limit_bytes = limit_bytes
        self._rank = rank
        self._size = size
        self._piece_bytes = min(limit_bytes, PIECE_BYTES)
        self._words: Any = (ctypes.c_uint64 * (size * LINE_WORDS)).from_buffer(memory)
        self._mine = rank * LINE_WORDS
        self._others = tuple(other for other in range(size) if other != rank)
        self._theirs = tuple(other * LINE_WORDS for other in self._others)
        with torch.inference_mode(mode=False):
            lines = size * LINE_WORDS * 8
            slots = torch.frombuffer(memory, dtype=torch.uint8, offset=lines)
            self._slots = slots.view(size, SIDES, self._piece_bytes)
            self._desk = torch.empty(self._piece_bytes, dtype=torch.uint8)
        self._turn = 0
        self._apart_at = 0.0
        self._is_inside = False
        self._plans: Dict[Any, Plan] = {}

    def plan(self, tensor: Any) -> Optional[Plan]:
        """Return how to reduce the tensor here; ``None``, the same on all ranks, if it does not go this way."""
        key = tensor.dtype, tensor.shape
        plan = self._plans.get(key)
        if plan is None and self._takes(tensor):
            if len(self._plans) >= PLANS_KEPT:
                self._plans.clear()
            with torch.inference_mode(mode=False):  # views made in it cannot be written outside
                plan = self._plans[key] = self._made_for(tensor)
        return plan

    def all_reduce(self, tensor: Any, plan: Plan, how: Reduction) -> Steps:
        """Reduce a tensor in place; raise ``CclInputError`` if the ranks' tensors or reductions differ."""
        if tensor.requires_grad or not tensor.is_contiguous() or tensor.is_inference():
            return self._through_a_copy(tensor, plan, how)
        word = plan.word | how.code << 40 | how.average << 48
        return on_one_thread(plan.way(self, tensor, plan, how, word), plan.elements)

    def _takes(self, tensor: Any) -> bool:
        return 0 < tensor.numel() * tensor.element_size() <= self.limit_bytes and tensor.dtype in TYPES

    def _made_for(self, tensor: Any) -> Plan:
        dtype, count, width = tensor.dtype, tensor.numel(), tensor.element_size()
        word, size_bytes = count | TYPE_CODES[dtype] << 32, count * width
        if size_bytes > self._piece_bytes:
            return Plan(Near._by_pieces, word, count, _cut(count, self._piece_bytes // width), (), None)
        sides = self._slots[:, :, :size_bytes].view(dtype).unbind(1)
        desk = self._desk[:size_bytes].view(dtype)
        if self._is_shared_out(size_bytes, width):
            cuts = _cut(count, -(-count // self._size))
            slots: Any = [[[slot[cut] for cut in cuts] for slot in side] for side in sides]
            desk = desk[cuts[self._rank]]
            return Plan(Near._by_parts, word, count, cuts, slots, desk if _is_copied(desk) else None)
        slots = [[slot.view(tensor.shape) for slot in side] for side in sides]
        return Plan(Near._by_all, word, count, (), slots, desk.view(tensor.shape) if _is_copied(desk) else None)

    def _is_shared_out(self, size_bytes: int, width: int) -> bool:
        if self._size > PAIR:
            return size_bytes > SHARED_BYTES
        return size_bytes > PAIR_SHARED_BYTES and width <= SHORT_BYTES

    def _through_a_copy(self, tensor: Any, plan: Plan, how: Reduction) -> Steps:
        with torch.inference_mode(mode=False):
            dense = torch.empty(tensor.shape, dtype=tensor.dtype)
        dense.copy_(tensor.detach())
        yield from self.all_reduce(dense, plan, how)
        buffers.settle(tensor, dense)

    def _by_pieces(self, tensor: Any, plan: Plan, how: Reduction, word: int) -> Steps:
        """Reduce one piece after the other; ``word`` is that of the whole."""
        flat = tensor.view(-1)
        try:
            for cut in plan.cuts:
                piece = flat[cut]
                inner = self.plan(piece)
                if inner is not None:  # always: it is smaller than the whole
                    yield from inner.way(self, piece, inner, how, word)
        except CclInputError:
            raise
        except BaseException:  # it may have come between two pieces
            self._is_inside = True
            raise

    def _by_all(self, tensor: Any, plan: Plan, how: Reduction, word: int) -> Steps:
        """Let every rank add up everything."""
        words, rank, start, side = self._words, self._rank, *self._begin()
        slots = plan.slots[side]
        slots[rank].copy_(tensor)
        words[self._mine + 1 + side] = word
        words[self._mine] = start + 1
        for line in self._theirs:
            while words[line] <= start:
                self._keep_apart(line)
                yield
        self._compare(word, side)
        if self._size == PAIR:
            more = slots[1 - rank]
            COMBINE[how.code](tensor, more if plan.desk is None else plan.desk.copy_(more))
        else:
            if rank:  # all ranks add up in the same order: rounding depends on it
                tensor.copy_(slots[0])
            for slot in slots[1:]:
                COMBINE[how.code](tensor, slot)
        if how.average:
            buffers.average(tensor, self._size)
        self._is_inside = False

    def _by_parts(self, tensor: Any, plan: Plan, how: Reduction, word: int) -> Steps:
        """Let every rank add up its own part, and copy those of the others."""
        words, rank, start, side = self._words, self._rank, *self._begin()
        slots, mine = plan.slots[side], plan.slots[side][rank]
        flat = tensor.view(-1)
        parts = [flat[cut] for cut in plan.cuts]
        for other in self._others:
            mine[other].copy_(parts[other])
        words[self._mine + 1 + side] = word
        words[self._mine] = start + 1
        for line in self._theirs:
            while words[line] <= start:
                self._keep_apart(line)
                yield
        self._compare(word, side)
        total = parts[rank]
        for other in self._others:
            more = slots[other][rank]
            COMBINE[how.code](total, more if plan.desk is None else plan.desk.copy_(more))
        if how.average:
            buffers.average(total, self._size)
        mine[rank].copy_(total)
        words[self._mine] = start + MARKS
        for line in self._theirs:
            while words[line] <= start + 1:
                self._keep_apart(line)
                yield
        for other in self._others:
            parts[other].copy_(slots[other][other])
        self._is_inside = False

    def _keep_apart(self, line: int) -> None:
        """Leave the CPU of the rank that this one waits for; of two that wait for each other the later one does."""
        here = self._words[self._mine + CPU_WORD] = cpus.where() + 1
        if here == self._words[line + CPU_WORD] and here and line < self._mine:
            now = time.perf_counter()
            if now - self._apart_at > APART_AGAIN_S:
                self._apart_at = now
                cpus.keep_apart({self._words[other + CPU_WORD] - 1 for other in self._theirs})

    def _begin(self) -> Tuple[int, int]:
        """Return the mark from which this turn goes on, and the side of it."""
        if self._is_inside:
            raise CclError("an allreduce of this group was interrupted, so its ranks are no longer in step")
        self._is_inside = True
        turn = self._turn
        self._turn = turn + 1
        return turn * MARKS, turn % SIDES

    def _compare(self, own: int, side: int) -> None:
        """Raise if the ranks do different things in this turn; all of them find it out, and may go on afterwards."""
        for line in self._theirs:
            theirs = self._words[line + 1 + side]
            if theirs != own:
                self._is_inside = False
                raise CclInputError(
                    f"allreduce: rank {self._rank} of the group gave {_told(own)}, and rank {line // LINE_WORDS} "
                    f"gave {_told(theirs)}"
                )


def _cut(count: int, each: int) -> Tuple[slice, ...]:
    """Return parts of so many elements each, the last one of what is left."""
    return tuple(slice(start, min(start + each, count)) for start in range(0, count, each))


def _is_copied(slot: Any) -> bool:
    width = slot.element_size()
    return bool(width <= SHORT_BYTES and slot.numel() * width > COPIED_BYTES)


def _told(word: int) -> str:
    """Say in words what a rank does."""
    dtype = next(str(dtype)[6:] for dtype in TYPES if TYPE_CODES[dtype] == word >> 32 & 0xFF)
    name = "AVG" if word >> 48 else REDUCTION_NAMES[word >> 40 & 0xFF]
    return f"{dtype}[{word & 0xFFFFFFFF}] ({name})"
