"""Sets of logical CPUs in the spellings that programs want. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def hex_mask(cpus: Iterable[int]) -> str:
    """Return the CPUs as one hexadecimal mask: CPUs 4 to 27 are ``0xffffff0``."""
    return hex(sum(1 << cpu for cpu in set(cpus)))


def pin_domain(ranks: Sequence[Iterable[int]]) -> str:
    """Return I_MPI_PIN_DOMAIN for the CPUs of each local rank: ``[0xffffff0,0xffffff00000000]``.

    Intel MPI Library Developer Reference, "Process Pinning": an explicit list of masks, one for each rank of a host.
    """
    return f"[{','.join(hex_mask(cpus) for cpus in ranks)}]"


def cpu_list(cpus: Iterable[int]) -> str:
    """Return the CPUs as ranges, as taskset and numactl take them: ``0-3,8``."""
    parts: list[str] = []
    start = last = None
    for cpu in sorted(set(cpus)):
        if last is not None and cpu == last + 1:
            last = cpu
            continue
        if start is not None:
            parts.append(_span(start, last))
        start = last = cpu
    if start is not None:
        parts.append(_span(start, last))
    return ",".join(parts)


def _span(first: int, last: int | None) -> str:
    return str(first) if last in {None, first} else f"{first}-{last}"
