"""Checks on tensors, and buffers that oneCCL can work on: dense, on the CPU, one after the other."""

from __future__ import annotations

from typing import Any, List, Sequence, Tuple

import torch

from .datatypes import MOVERS
from .errors import CclInputError


def check(tensor: Any, what: str) -> None:
    """Raise ``CclInputError`` naming device or layout unless the tensor is an ordinary one on the CPU."""
    if not tensor.is_cpu:
        raise CclInputError(f"{what}: the tensor is on {tensor.device}, and the ccl backend works on the CPU")
    if tensor.layout is not torch.strided:
        raise CclInputError(f"{what}: the tensor's layout is {tensor.layout}; make it dense first (to_dense())")
    if tensor.is_conj() or tensor.is_neg():
        kind, cure = ("conjugate", "resolve_conj()") if tensor.is_conj() else ("negative", "resolve_neg()")
        raise CclInputError(f"{what}: the tensor is a lazy {kind}, not what lies in its memory; use {cure} first")


def single(tensors: Sequence[Any], what: str) -> Any:
    """Return the only tensor of a list, checked."""
    if len(tensors) != 1:
        raise CclInputError(f"{what}: takes one tensor for each rank, and was given {len(tensors)}")
    check(tensors[0], what)
    return tensors[0]


def check_list(tensors: Sequence[Any], size: int, dtype: Any, what: str) -> None:
    """Check a list that holds one tensor for each rank, all of the given type."""
    if len(tensors) != size:
        raise CclInputError(f"{what}: the list holds {len(tensors)} tensors, and the group has {size} ranks")
    for tensor in tensors:
        check(tensor, what)
        if tensor.dtype is not dtype:
            raise CclInputError(f"{what}: the list mixes {dtype} and {tensor.dtype}")


def check_root(root: int, size: int, what: str) -> None:
    """Check the rank that a collective starts from or ends at."""
    if not 0 <= root < size:
        raise CclInputError(f"{what}: rank {root} is not in the group, which has ranks 0 to {size - 1}")


def check_same(one: Any, other: Any, factor: int, what: str) -> None:
    """Check that ``one`` has the type of ``other`` and ``factor`` times its elements."""
    if one.dtype is not other.dtype:
        raise CclInputError(f"{what}: input and output differ in type: {other.dtype} and {one.dtype}")
    if one.numel() != factor * other.numel():
        raise CclInputError(
            f"{what}: one side has {one.numel()} elements and the other {other.numel()}, "
            f"and it takes {factor} times as many"
        )


def moved(tensor: Any) -> Tuple[int, int]:
    """Return how many elements of which oneCCL type carry the tensor's bytes unchanged."""
    width = tensor.element_size()
    if width in MOVERS:
        return tensor.numel(), MOVERS[width]
    return tensor.numel() * width // 8, MOVERS[8]  # complex128


def settle(target: Any, buffer: Any) -> None:
    """Copy a result to where it was asked for, unless it is there already.

    In inference mode both ordinary tensors and inference tensors may be written.
    """
    if buffer is not target:
        with torch.inference_mode():
            target.copy_(buffer.view(target.shape) if buffer.shape != target.shape else buffer)


def average(buffer: Any, size: int) -> None:
    """Divide a sum by the number of ranks; whole numbers are cut off towards zero, as by other backends."""
    with torch.inference_mode():
        if buffer.dtype.is_floating_point:
            buffer.div_(size)
        else:
            buffer.div_(size, rounding_mode="trunc")


def flat(count: int, like: Any) -> Any:
    """Return an uninitialised buffer of that many elements."""
    return torch.empty(count, dtype=like.dtype)


def is_row(tensors: Sequence[Any]) -> bool:
    """Say whether the tensors lie one after the other in memory, so that they are one buffer already."""
    address = tensors[0].data_ptr()
    for tensor in tensors:
        if not tensor.is_contiguous() or tensor.data_ptr() != address:
            return False
        address += tensor.numel() * tensor.element_size()
    return True


def join(tensors: Sequence[Any]) -> Any:
    """Return the tensors' elements one after the other in a new buffer."""
    return torch.cat([tensor.detach().reshape(-1) for tensor in tensors])


def spread(buffer: Any, tensors: Sequence[Any]) -> None:
    """Copy consecutive parts of a buffer into the tensors."""
    start = 0
    with torch.inference_mode():
        for tensor in tensors:
            end = start + tensor.numel()
            if end > start:
                tensor.copy_(buffer[start:end].view(tensor.shape))
            start = end


def by_type(tensors: Sequence[Any]) -> List[List[Any]]:
    """Return the tensors in lists of one type each, in the order of first appearance."""
    groups: dict[Any, List[Any]] = {}
    for tensor in tensors:
        groups.setdefault(tensor.dtype, []).append(tensor)
    return list(groups.values())
