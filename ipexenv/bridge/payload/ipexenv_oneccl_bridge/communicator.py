"""One oneCCL communicator: collectives over raw memory, without torch's types."""

from __future__ import annotations

import ctypes
from typing import Sequence, Union

from .library import Library, UniqueId

WIDTHS = (1, 1, 4, 4, 8, 8, 2, 4, 8, 2)
"""Bytes of one element, by oneCCL's number of the type (``onecclDataType_t``)."""


class Communicator:
    """A communicator of ``size`` ranks; every method blocks until its part of the collective is done.

    Buffers are addresses, counts are elements, types and reductions oneCCL's numbers. Host memory needs no stream.
    Where every rank has the same count, nothing is done for 0.
    """

    def __init__(self, library: Library, rank: int, size: int, identity: UniqueId) -> None:
        """Connect to the other ranks; blocks until all of them do the same, for ever if one does not."""
        self._library = library
        self.rank = rank
        self.size = size
        self._handle = ctypes.c_void_p()
        code = library.onecclCommInitRank(ctypes.byref(self._handle), size, identity, rank)
        library.check(code, "connecting the group", None)
        self._all_reduce = library.onecclAllReduce
        self._counts = ctypes.c_size_t * size

    def _check(self, code: int, what: str) -> None:
        if code:
            self._library.check(code, what, self._handle)

    def all_reduce(self, source: int, target: int, count: int, kind: int, op: int) -> None:
        """Reduce over all ranks, to all ranks."""
        if count:
            self._check(self._all_reduce(source, target, count, kind, op, self._handle, None), "allreduce")

    def reduce(self, source: int, target: int, count: int, kind: int, op: int, root: int) -> None:
        """Reduce over all ranks, to ``root``."""
        if count:
            code = self._library.onecclReduce(source, target, count, kind, op, root, self._handle, None)
            self._check(code, "reduce")

    def broadcast(self, buffer: int, count: int, kind: int, root: int) -> None:
        """Copy the buffer of ``root`` to all ranks."""
        if count:
            code = self._library.onecclBroadcast(buffer, buffer, count, kind, root, self._handle, None)
            self._check(code, "broadcast")

    def all_gather(self, source: int, target: int, count: int, kind: int) -> None:
        """Put the ``count`` elements of every rank one after the other, on all ranks."""
        if count:
            code = self._library.onecclAllGather(source, target, count, kind, self._handle, None)
            self._check(code, "allgather")

    def reduce_scatter(self, source: int, target: int, count: int, kind: int, op: int) -> None:
        """Reduce over all ranks; every rank keeps its own ``count`` elements."""
        if count:
            code = self._library.onecclReduceScatter(source, target, count, kind, op, self._handle, None)
            self._check(code, "reduce_scatter")

    def all_to_all_uneven(
        self, source: int, sent: Sequence[int], target: int, received: Sequence[int], kind: int
    ) -> None:
        """Send ``sent[i]`` elements to rank ``i`` and receive ``received[i]`` from it, packed in order of ranks."""
        outward, inward = self._counts(*sent), self._counts(*received)
        self._check(
            self._library.onecclAllToAllV(source, outward, target, inward, kind, self._handle, None), "alltoallv"
        )

    def destroy(self) -> None:
        """Free what the communicator holds; it cannot be used again."""
        handle, self._handle = self._handle, ctypes.c_void_p()
        if handle.value:
            self._library.check(self._library.onecclCommDestroy(handle), "destroying the group", None)


def make_identity(library: Library) -> bytes:
    """Return the bytes that all ranks of a new communicator start from; for rank 0."""
    identity = UniqueId()
    library.check(library.onecclGetUniqueId(ctypes.byref(identity)), "preparing the group", None)
    return bytes(identity)


def read_identity(data: bytes) -> UniqueId:
    """Return the identity from its bytes."""
    return UniqueId.from_buffer_copy(data)


class Alone:
    """Stands for the communicator of a group of one rank: nothing to send, and results are the inputs."""

    rank = 0
    size = 1

    def all_reduce(self, source: int, target: int, count: int, kind: int, op: int) -> None:  # noqa: ARG002
        """Copy the input to the output."""
        self._copy(source, target, count, kind)

    def reduce(self, source: int, target: int, count: int, kind: int, op: int, root: int) -> None:  # noqa: ARG002
        """Copy the input to the output."""
        self._copy(source, target, count, kind)

    def broadcast(self, buffer: int, count: int, kind: int, root: int) -> None:
        """Do nothing: the buffer holds the value already."""

    def all_gather(self, source: int, target: int, count: int, kind: int) -> None:
        """Copy the input to the output."""
        self._copy(source, target, count, kind)

    def reduce_scatter(self, source: int, target: int, count: int, kind: int, op: int) -> None:  # noqa: ARG002
        """Copy the input to the output."""
        self._copy(source, target, count, kind)

    def all_to_all_uneven(
        self, source: int, sent: Sequence[int], target: int, received: Sequence[int], kind: int
    ) -> None:
        """Copy the input to the output."""
        self._copy(source, target, min(sent[0], received[0]), kind)

    def destroy(self) -> None:
        """Do nothing: there is nothing to free."""

    @staticmethod
    def _copy(source: int, target: int, count: int, kind: int) -> None:
        if source != target and count:
            ctypes.memmove(target, source, count * WIDTHS[kind])


Connection = Union[Communicator, Alone]
"""What collectives run on."""
