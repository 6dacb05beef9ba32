"""Collectives that compute: allreduce, reduce, reduce_scatter. Each function checks, and returns what is to be run."""

from __future__ import annotations

from functools import partial
from typing import Any, Callable, List, Sequence

import torch

from . import tensors as buffers
from .communicator import Connection
from .datatypes import Reduction, is_sum, reduction
from .errors import CclInputError

Call = Callable[[], None]


def all_reduce(comm: Connection, tensor: Any, op: Any) -> Call:
    """Reduce a tensor in place, on all ranks."""
    (tensor,) = _real([tensor], op)
    how = reduction(tensor.dtype, op, "allreduce")
    if tensor.is_contiguous() and how.carrier is None and not how.average:
        address = tensor.data_ptr()
        return partial(comm.all_reduce, address, address, tensor.numel(), how.type_code, how.code)
    return partial(_all_reduce_converted, comm, [tensor], _carried([tensor], how), how)


def all_reduce_coalesced(comm: Connection, given: Sequence[Any], op: Any) -> Call:
    """Reduce several tensors in place, as one buffer for each type."""
    calls: List[Call] = []
    for group in buffers.by_type(_real(given, op)):
        how = reduction(group[0].dtype, op, "allreduce_coalesced")
        calls.append(partial(_all_reduce_converted, comm, group, _carried(group, how), how))
    return partial(_one_by_one, calls)


def _all_reduce_converted(comm: Connection, given: Sequence[Any], buffer: Any, how: Reduction) -> None:
    address = buffer.data_ptr()
    comm.all_reduce(address, address, buffer.numel(), how.type_code, how.code)
    if how.average:
        buffers.average(buffer, comm.size)
    buffers.spread(buffer, given)


def reduce(comm: Connection, tensor: Any, op: Any, root: int) -> Call:
    """Reduce a tensor in place on ``root``; elsewhere it stays as it is."""
    buffers.check_root(root, comm.size, "reduce")
    (tensor,) = _real([tensor], op)
    how = reduction(tensor.dtype, op, "reduce")
    source = _carried([tensor], how)
    return partial(_reduce, comm, tensor, source, how, root)


def _reduce(comm: Connection, tensor: Any, source: Any, how: Reduction, root: int) -> None:
    target = torch.empty_like(source)
    comm.reduce(source.data_ptr(), target.data_ptr(), source.numel(), how.type_code, how.code, root)
    if comm.rank == root:
        if how.average:
            buffers.average(target, comm.size)
        buffers.spread(target, [tensor])


def reduce_scatter_base(comm: Connection, output: Any, source: Any, op: Any) -> Call:
    """Reduce a tensor over all ranks; each keeps its own part, of equal size."""
    buffers.check_same(source, output, comm.size, "reduce_scatter_tensor")
    output, source = _real([output, source], op)
    how = reduction(output.dtype, op, "reduce_scatter_tensor")
    dense = source.contiguous() if how.carrier is None else _carried([source], how)
    return partial(_reduce_scatter, comm, output, dense, how)


def reduce_scatter(comm: Connection, output: Any, sources: Sequence[Any], op: Any) -> Call:
    """Reduce one tensor for each rank over all ranks; parts may differ in size."""
    buffers.check_list(sources, comm.size, output.dtype, "reduce_scatter")
    own = sources[comm.rank]
    if own.numel() != output.numel():
        raise CclInputError(
            f"reduce_scatter: this rank's part has {own.numel()} elements, and its output {output.numel()}"
        )
    output, *sources = _real([output, *sources], op)
    how = reduction(output.dtype, op, "reduce_scatter")
    if len({part.numel() for part in sources}) == 1:
        return partial(_reduce_scatter, comm, output, _carried(sources, how), how)
    return partial(_reduce_scatter_uneven, comm, output, _carried(sources, how), sources, how)


def _reduce_scatter(comm: Connection, output: Any, source: Any, how: Reduction) -> None:
    plain = output.is_contiguous() and how.carrier is None
    target = output if plain else buffers.flat(output.numel(), source)
    comm.reduce_scatter(source.data_ptr(), target.data_ptr(), target.numel(), how.type_code, how.code)
    if how.average:
        buffers.average(target, comm.size)
    buffers.settle(output, target)


def _reduce_scatter_uneven(comm: Connection, output: Any, source: Any, parts: Sequence[Any], how: Reduction) -> None:
    """Reduce everything everywhere and keep the own part: every rank knows all sizes, oneCCL takes equal ones only."""
    comm.all_reduce(source.data_ptr(), source.data_ptr(), source.numel(), how.type_code, how.code)
    start = sum(part.numel() for part in parts[: comm.rank])
    kept = source[start : start + output.numel()]
    if how.average:
        buffers.average(kept, comm.size)
    buffers.settle(output, kept)


def reduce_scatter_coalesced(comm: Connection, outputs: Sequence[Any], sources: Sequence[Any], op: Any) -> Call:
    """Do several reduce_scatter_tensor one after the other."""
    return partial(_one_by_one, [reduce_scatter_base(comm, *pair, op) for pair in zip(outputs, sources)])


def _real(given: Sequence[Any], op: Any) -> Sequence[Any]:
    """Return complex tensors as pairs of real numbers where they can be reduced so."""
    if not any(tensor.is_complex() for tensor in given) or not is_sum(op):
        return given
    return [torch.view_as_real(tensor.detach()) if tensor.is_complex() else tensor for tensor in given]


def _carried(given: Sequence[Any], how: Reduction) -> Any:
    """Return a new buffer with the tensors' elements, in the type that carries the reduction."""
    buffer = buffers.join(given)
    return buffer if how.carrier is None else buffer.to(how.carrier)


def _one_by_one(calls: Sequence[Call]) -> None:
    for call in calls:
        call()
