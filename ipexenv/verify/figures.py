"""The figures of the distributed checks: latency and bandwidth, losses, gradients. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SMALL_BYTES, KIB_BYTES = 8, 1024
MEDIUM_BYTES, LARGE_BYTES = 16 << 20, 64 << 20
"""Sizes that ``_target_allreduce.py`` times."""


def allreduce_figures(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return latency and bandwidth of the slowest rank; the latter is the algorithm's: bytes of the tensor by time."""
    return {
        "latency_microseconds": round(1e6 * slowest(rows, SMALL_BYTES), 1),
        "latency_bytes": SMALL_BYTES,
        "latency_1_kib_microseconds": round(1e6 * slowest(rows, KIB_BYTES), 1),
        "bandwidth_16_mib_gigabytes_per_second": round(bandwidth(rows, MEDIUM_BYTES), 3),
        "bandwidth_64_mib_gigabytes_per_second": round(bandwidth(rows, LARGE_BYTES), 3),
        "bandwidth_kind": "algorithm: bytes of the tensor by seconds of one allreduce",
    }


def slowest(rows: Sequence[Mapping[str, Any]], size_bytes: int) -> float:
    """Return the largest of the ranks' median times of one allreduce, in seconds."""
    return max(float(row["seconds_by_bytes"][str(size_bytes)]) for row in rows)


def bandwidth(rows: Sequence[Mapping[str, Any]], size_bytes: int) -> float:
    """Return the bytes of the tensor by the time of one allreduce, in GB/s (1e9 bytes)."""
    seconds = slowest(rows, size_bytes)
    return size_bytes / seconds / 1e9 if seconds > 0 else 0.0


def ddp_problem(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return what is wrong with a DDP run, empty where all is right."""
    if len({row["gradient_digest"] for row in rows}) > 1:
        return "the ranks have different gradients after the first step"
    tolerance = float(rows[0]["gradient_tolerance"])
    for rank, difference in enumerate(float(row["gradient_difference"]) for row in rows):
        if not difference <= tolerance:  # NaN is not below anything
            return (
                f"rank {rank}: the gradients are off the mean of all ranks' by {difference:.2g} (limit {tolerance:.2g})"
            )
    if len({row["parameter_digest"] for row in rows}) > 1:
        return "the ranks have different parameters after the last step"
    first, last = mean_losses(rows)
    if not last < first:
        return f"the loss does not fall ({first:.3f} to {last:.3f})"
    return ""


def mean_losses(rows: Sequence[Mapping[str, Any]]) -> tuple[float, float]:
    """Return the mean over all ranks of the first and of the last loss."""
    return (
        sum(float(row["losses"][0]) for row in rows) / len(rows),
        sum(float(row["losses"][-1]) for row in rows) / len(rows),
    )


def ddp_figures(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return losses and gradients in figures."""
    first, last = mean_losses(rows)
    return {
        "dtype": rows[0].get("dtype", "fp32"),
        "first_loss": first,
        "last_loss": last,
        "steps": len(rows[0]["losses"]),
        "gradient_difference": max(float(row["gradient_difference"]) for row in rows),
        "gradient_tolerance": rows[0]["gradient_tolerance"],
    }
