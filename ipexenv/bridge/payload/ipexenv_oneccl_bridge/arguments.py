"""What torch hands over with a call: options, lists of lists, tensors."""

from __future__ import annotations

from typing import Any, Optional, Sequence, Tuple

from . import tensors as buffers
from .datatypes import SUM_OP
from .errors import CclInputError

Tensors = Sequence[Any]


def shape(tensors: Tensors) -> Tuple[Any, ...]:
    """Return types and sizes of tensors."""
    return tuple(part for tensor in tensors for part in (tensor.dtype, tensor.numel()))


def timeout_s(opts: Any) -> Optional[float]:
    """Return the time that the caller gives a collective; ``None`` for the group's own."""
    timeout_s = opts.timeout.total_seconds() if opts is not None else 0.0
    return timeout_s if timeout_s > 0 else None


def op(opts: Any) -> Any:
    """Return the reduction that the caller names, a sum where it names none."""
    return opts.reduceOp if opts is not None else SUM_OP


def only(lists: Sequence[Tensors], what: str) -> Tensors:
    """Return the only list of a list of lists."""
    if len(lists) != 1:
        raise CclInputError(f"{what}: takes one list of tensors, and was given {len(lists)}")
    return lists[0]


def check_both(output: Any, given: Any, what: str) -> None:
    """Refuse tensors that the backend cannot take; raises CclInputError."""
    buffers.check(output, what)
    buffers.check(given, what)
