"""Collectives that move data unchanged, whatever its type. Each function checks, and returns what is to be run."""

from __future__ import annotations

import ctypes
from functools import partial
from typing import Any, Callable, List, Sequence

from . import tensors as buffers
from .board import Parts
from .communicator import Connection
from .datatypes import INT32, SUM
from .errors import CclInputError

Call = Callable[[], None]


class Exchange:
    """A call in which ranks send each other parts; ``parts`` holds how many elements."""

    def __init__(self, call: Call, sent: Sequence[int], received: Sequence[int]) -> None:
        """Hold the call and the sizes of what goes to each rank and comes from each."""
        self._call = call
        self.parts = Parts(sent, received)

    def __call__(self) -> None:
        """Do it."""
        self._call()


def broadcast(comm: Connection, tensor: Any, root: int) -> Call:
    """Copy the tensor of ``root`` to all ranks."""
    buffers.check_root(root, comm.size, "broadcast")
    return partial(_broadcast, comm, tensor, tensor.contiguous(), root)


def _broadcast(comm: Connection, tensor: Any, buffer: Any, root: int) -> None:
    comm.broadcast(buffer.data_ptr(), *buffers.moved(buffer), root)
    buffers.settle(tensor, buffer)


def all_gather(comm: Connection, outputs: Sequence[Any], tensor: Any) -> Call:
    """Copy the tensor of every rank into the list of every rank; sizes may differ from rank to rank."""
    buffers.check_list(outputs, comm.size, tensor.dtype, "all_gather")
    own = outputs[comm.rank].numel()
    if own != tensor.numel():
        raise CclInputError(
            f"all_gather: this rank's place in the list has {own} elements, and its tensor {tensor.numel()}"
        )
    largest = max(output.numel() for output in outputs)
    if all(output.numel() == largest for output in outputs):
        return partial(_all_gather, comm, outputs, tensor.contiguous())
    padded = buffers.flat(largest, tensor)
    padded[: tensor.numel()].copy_(tensor.detach().reshape(-1))
    return partial(_all_gather_uneven, comm, outputs, padded)


def _all_gather(comm: Connection, outputs: Sequence[Any], tensor: Any) -> None:
    if buffers.is_row(outputs):
        comm.all_gather(tensor.data_ptr(), outputs[0].data_ptr(), *buffers.moved(tensor))
        return
    buffer = buffers.flat(comm.size * tensor.numel(), tensor)
    comm.all_gather(tensor.data_ptr(), buffer.data_ptr(), *buffers.moved(tensor))
    buffers.spread(buffer, outputs)


def _all_gather_uneven(comm: Connection, outputs: Sequence[Any], padded: Any) -> None:
    largest = padded.numel()
    buffer = buffers.flat(comm.size * largest, padded)
    comm.all_gather(padded.data_ptr(), buffer.data_ptr(), *buffers.moved(padded))
    for rank, output in enumerate(outputs):
        buffers.spread(buffer[rank * largest : (rank + 1) * largest], [output])


def all_gather_base(comm: Connection, output: Any, tensor: Any) -> Call:
    """Copy the tensors of all ranks one after the other into one tensor."""
    buffers.check_same(output, tensor, comm.size, "all_gather_into_tensor")
    return partial(_all_gather_base, comm, output, tensor.contiguous())


def _all_gather_base(comm: Connection, output: Any, tensor: Any) -> None:
    target = output if output.is_contiguous() else buffers.flat(output.numel(), output)
    comm.all_gather(tensor.data_ptr(), target.data_ptr(), *buffers.moved(tensor))
    buffers.settle(output, target)


def all_gather_base_coalesced(comm: Connection, outputs: Sequence[Any], given: Sequence[Any]) -> Call:
    """Do several all_gather_into_tensor one after the other."""
    return partial(_one_by_one, [all_gather_base(comm, *pair) for pair in zip(outputs, given)])


def all_gather_coalesced(comm: Connection, output_lists: Sequence[Sequence[Any]], given: Sequence[Any]) -> Call:
    """Gather several tensors; list ``i`` receives the tensors of rank ``i``."""
    rows = [list(row) for row in zip(*output_lists)]
    return partial(_one_by_one, [all_gather(comm, row, tensor) for row, tensor in zip(rows, given)])


def gather(comm: Connection, outputs: Sequence[Any], tensor: Any, root: int) -> Call:
    """Copy the tensor of every rank into the list of ``root``; sizes may differ from rank to rank.

    oneCCL has no gather: it is an alltoall in which every rank sends to one.
    """
    buffers.check_root(root, comm.size, "gather")
    if comm.rank == root:
        buffers.check_list(outputs, comm.size, tensor.dtype, "gather")
        if outputs[root].numel() != tensor.numel():
            raise CclInputError(
                f"gather: this rank's place in the list has {outputs[root].numel()} elements, "
                f"and its tensor {tensor.numel()}"
            )
    sent = [tensor.numel() if rank == root else 0 for rank in range(comm.size)]
    received = [output.numel() for output in outputs] if comm.rank == root else [0] * comm.size
    return Exchange(partial(_gather, comm, outputs, tensor.contiguous(), sent, received), sent, received)


def _gather(
    comm: Connection, outputs: Sequence[Any], tensor: Any, sent: Sequence[int], received: Sequence[int]
) -> None:
    buffer = buffers.flat(max(1, sum(received)), tensor)
    _exchange(comm, tensor, sent, buffer, received)
    if outputs:
        buffers.spread(buffer, outputs)


def scatter(comm: Connection, output: Any, given: Sequence[Any], root: int) -> Call:
    """Copy one tensor of the list of ``root`` to each rank; sizes may differ from rank to rank."""
    buffers.check_root(root, comm.size, "scatter")
    if comm.rank == root:
        buffers.check_list(given, comm.size, output.dtype, "scatter")
        if given[root].numel() != output.numel():
            raise CclInputError(
                f"scatter: this rank's part has {given[root].numel()} elements, and its output {output.numel()}"
            )
    source = buffers.join(given) if comm.rank == root else buffers.flat(1, output)
    sent = [part.numel() for part in given] if comm.rank == root else [0] * comm.size
    received = [output.numel() if rank == root else 0 for rank in range(comm.size)]
    return Exchange(partial(_all_to_all_base, comm, output, source, sent, received), sent, received)


def all_to_all_base(
    comm: Connection, output: Any, source: Any, output_splits: Sequence[int], input_splits: Sequence[int]
) -> Call:
    """Send parts of one tensor to all ranks and receive theirs into another; splits count rows, none means equal."""
    if output.dtype is not source.dtype:
        raise CclInputError(f"all_to_all_single: input is {source.dtype} and output {output.dtype}")
    sent = _split(source, input_splits, comm.size, "input")
    received = _split(output, output_splits, comm.size, "output")
    return Exchange(partial(_all_to_all_base, comm, output, source.contiguous(), sent, received), sent, received)


def _split(tensor: Any, splits: Sequence[int], size: int, side: str) -> List[int]:
    """Return the number of elements for each rank."""
    rows = tensor.shape[0] if tensor.dim() else 0
    if not splits:
        if rows % size:
            raise CclInputError(f"all_to_all_single: {rows} {side} rows do not divide evenly among {size} ranks")
        splits = [rows // size] * size
    if len(splits) != size or sum(splits) != rows or min(splits) < 0:
        raise CclInputError(
            f"all_to_all_single: the {side} splits {list(splits)} do not fit {rows} rows and {size} ranks"
        )
    width = tensor.numel() // rows if rows else 0
    return [count * width for count in splits]


def _all_to_all_base(comm: Connection, output: Any, source: Any, sent: Sequence[int], received: Sequence[int]) -> None:
    target = output if output.is_contiguous() else buffers.flat(output.numel(), output)
    _exchange(comm, source, sent, target, received)
    buffers.settle(output, target)


def all_to_all(comm: Connection, outputs: Sequence[Any], given: Sequence[Any]) -> Call:
    """Send one tensor to each rank and receive one from each; sizes may differ."""
    dtype = given[0].dtype if given else None
    buffers.check_list(given, comm.size, dtype, "all_to_all")
    buffers.check_list(outputs, comm.size, dtype, "all_to_all")
    if outputs[comm.rank].numel() != given[comm.rank].numel():
        raise CclInputError(
            f"all_to_all: this rank sends itself {given[comm.rank].numel()} elements, "
            f"and expects {outputs[comm.rank].numel()}"
        )
    sent, received = [part.numel() for part in given], [output.numel() for output in outputs]
    return Exchange(partial(_all_to_all, comm, outputs, buffers.join(given), sent, received), sent, received)


def _all_to_all(
    comm: Connection, outputs: Sequence[Any], source: Any, sent: Sequence[int], received: Sequence[int]
) -> None:
    target = buffers.flat(sum(received), source)
    _exchange(comm, source, sent, target, received)
    buffers.spread(target, outputs)


def _exchange(comm: Connection, source: Any, sent: Sequence[int], target: Any, received: Sequence[int]) -> None:
    """Exchange parts; always the uneven call, for whether all parts are equal no rank can tell from its own alone."""
    kind, factor = buffers.moved(source)[1], max(1, source.element_size() // 8)
    outward, inward = [count * factor for count in sent], [count * factor for count in received]
    comm.all_to_all_uneven(source.data_ptr(), outward, target.data_ptr(), inward, kind)


def barrier(comm: Connection) -> Call:
    """Wait for all ranks: nobody has the sum of all before everybody came."""
    return partial(_barrier, comm, ctypes.c_int32(1))


def _barrier(comm: Connection, token: Any) -> None:
    address = ctypes.addressof(token)
    comm.all_reduce(address, address, 1, INT32, SUM)


def _one_by_one(calls: Sequence[Call]) -> None:
    for call in calls:
        call()
