"""The numbers that ranks put into tensors and that the tests compute with: small, whole, different on every rank."""

# Runs in the target as well: standard library, Python 3.8 syntax.

from __future__ import annotations

UNSIGNED = ("uint8", "bool", "uint16", "uint32", "uint64")


def value(case_seed: int, rank: int, index: int, dtype: str) -> int:
    """Return element ``index`` of the tensor of ``rank``: from -2 to 2, or 0 to 2 for unsigned types."""
    number = (case_seed * 31 + rank * 17 + index * 7 + rank * index) % 5
    if dtype == "bool":
        return number % 2
    if dtype in UNSIGNED:
        return number % 3
    return number - 2


def values(case_seed: int, rank: int, count: int, dtype: str) -> list[int]:
    """Return the first ``count`` elements of the tensor of ``rank``."""
    return [value(case_seed, rank, index, dtype) for index in range(count)]
