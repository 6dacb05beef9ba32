"""Which oneCCL type and reduction stands for which of torch's."""

from __future__ import annotations

from typing import Any, Dict, NamedTuple, Optional

import torch
from torch.distributed import ReduceOp

from .errors import CclInputError


class Reduction(NamedTuple):
    """How a reduction over one type is done."""

    code: int
    """oneCCL's number of the reduction."""
    type_code: int
    """oneCCL's number of the type."""
    carrier: Optional[Any]
    """The type to convert to before and from after, ``None`` where oneCCL knows the tensor's own."""
    average: bool


SUM, PRODUCT, MAXIMUM, MINIMUM = 0, 1, 2, 3

INT32 = 2

_TYPES = {
    "int8": 0,
    "uint8": 1,
    "int32": INT32,
    "uint32": 3,
    "int64": 4,
    "uint64": 5,
    "float16": 6,
    "float32": 7,
    "float64": 8,
    "bfloat16": 9,
}
TYPE_CODES: Dict[Any, int] = {getattr(torch, name): code for name, code in _TYPES.items() if hasattr(torch, name)}

TYPE_CODES[torch.bool] = TYPE_CODES[torch.uint8]

_CARRIERS = {"int16": "int32", "uint16": "uint32"}
CARRIERS: Dict[Any, Any] = {
    getattr(torch, name): getattr(torch, carrier)
    for name, carrier in _CARRIERS.items()
    if hasattr(torch, name) and hasattr(torch, carrier)
}

_KIND = ReduceOp.RedOpType if hasattr(ReduceOp, "RedOpType") else ReduceOp
SUM_OP = _KIND.SUM

REDUCTIONS: Dict[Any, int] = {
    _KIND.SUM: SUM,
    _KIND.AVG: SUM,
    _KIND.PRODUCT: PRODUCT,
    _KIND.MAX: MAXIMUM,
    _KIND.MIN: MINIMUM,
}

# On 0 and 1 a sum is "any", as is the maximum, and a product "all"; sums of bytes could wrap round to 0.
_OF_TRUTH = {SUM: MAXIMUM, PRODUCT: MINIMUM, MAXIMUM: MAXIMUM, MINIMUM: MINIMUM}

MOVERS: Dict[int, int] = {1: 0, 2: 6, 4: 2, 8: 4}
"""oneCCL type that moves an element of so many bytes unchanged."""

_known: Dict[Any, Reduction] = {}


def name_of(op: Any) -> str:
    """Return the name of a reduction, such as ``SUM``."""
    kind = getattr(op, "op", op)
    return str(getattr(kind, "name", kind))


def is_sum(op: Any) -> bool:
    """Say whether a reduction adds up, be it for an average: complex numbers are added as pairs of real ones."""
    return REDUCTIONS.get(getattr(op, "op", op)) == SUM


def reduction(dtype: Any, op: Any, collective: str) -> Reduction:
    """Return how to reduce tensors of that type; raise ``CclInputError`` naming what oneCCL cannot do."""
    key = dtype, hash(op)  # of its number; comparing reductions takes a microsecond
    found = _known.get(key)
    if found is None:
        found = _known[key] = _decide(dtype, getattr(op, "op", op), collective)
    return found


def _decide(dtype: Any, kind: Any, collective: str) -> Reduction:
    code = REDUCTIONS.get(kind)
    if code is None:
        known = ", ".join(name_of(known) for known in REDUCTIONS)
        raise CclInputError(f"{collective}: reduction {name_of(kind)} is not among those of the ccl backend: {known}")
    average = kind == _KIND.AVG
    if average and not _has_average(dtype):
        raise CclInputError(f"{collective}: {dtype} has no average; convert the tensor first, or use SUM")
    if dtype is torch.bool:
        code = _OF_TRUTH[code]
    carrier = CARRIERS.get(dtype)
    type_code = TYPE_CODES.get(carrier or dtype)
    if type_code is None:
        known = ", ".join(str(known) for known in [*TYPE_CODES, *CARRIERS])
        raise CclInputError(f"{collective}: {dtype} cannot be reduced by the ccl backend, which knows {known}")
    return Reduction(code, type_code, carrier, average)


def _has_average(dtype: Any) -> bool:
    """Say whether torch can divide the type: truth values have no average, and its wide unsigned types no division."""
    return bool(dtype.is_floating_point) or dtype in {torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64}
