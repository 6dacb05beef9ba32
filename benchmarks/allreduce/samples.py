"""What was measured: samples, read and written as JSON, and the aims they are held against."""

from __future__ import annotations

import json
import statistics
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

KIB, MIB = 1 << 10, 1 << 20

SIZES_BYTES = (8, 64, KIB, 4 * KIB, 16 * KIB, 64 * KIB, 256 * KIB, MIB, 4 * MIB, 16 * MIB, 64 * MIB, 256 * MIB)

TYPES = ("float32", "bfloat16")

BRIDGE, GLOO, BINDINGS, IMB = "bridge", "gloo", "bindings", "IMB-MPI1"
SIDES = (BRIDGE, GLOO, BINDINGS, IMB)

ALLREDUCE, PERCEPTRON, RESNET = "allreduce", "step of a perceptron", "step of a ResNet-50"
WHATS = (ALLREDUCE, PERCEPTRON, RESNET)
"""What is timed: an allreduce, or a training step of a model, which has no size (0 bytes)."""

OVER_IMB_S = 40e-6
"""How far above Intel MPI's own benchmark the bridge may be below 1 MiB; from there on it is a ratio."""

OVER_IMB_RATIO = 1.3

STEP_RATIO = 1.3


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """The time of one operation on one side in one round: the median on each rank, of which the slowest counts."""

    launcher: str
    ranks: int
    side: str
    what: str
    dtype: str
    size_bytes: int
    seconds: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """The sides' medians over all rounds, for one launcher, number of ranks, operation, type and size."""

    launcher: str
    ranks: int
    what: str
    dtype: str
    size_bytes: int
    seconds: dict[str, float]

    def ratio(self, rival: str) -> float | None:
        """Return how many times longer the rival takes than the bridge."""
        ours, theirs = self.seconds.get(BRIDGE), self.seconds.get(rival)
        return theirs / ours if ours and theirs else None


def read(path: Path) -> tuple[dict[str, str], tuple[Sample, ...]]:
    """Return machine and samples of a file that ``write`` wrote."""
    document: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return document["machine"], tuple(Sample(**row) for row in document["samples"])


def write(path: Path, machine: dict[str, str], samples: Iterable[Sample]) -> None:
    """Write machine and samples as JSON."""
    document = {"machine": machine, "samples": [asdict(sample) for sample in samples]}
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def rows(samples: Iterable[Sample]) -> tuple[Row, ...]:
    """Return the medians, by launcher and ranks as they came first, then by operation, type and size.

    Intel MPI's benchmark adds up 4-byte floats only; its time for as many bytes stands beside every type.
    """
    found: dict[tuple[str, int], dict[tuple[str, str, int], dict[str, list[float]]]] = {}
    for sample in samples:
        table = found.setdefault((sample.launcher, sample.ranks), {})
        for dtype in TYPES if sample.side == IMB else (sample.dtype,):
            sides = table.setdefault((sample.what, dtype, sample.size_bytes), {})
            sides.setdefault(sample.side, []).append(sample.seconds)
    return tuple(
        Row(
            launcher=launcher,
            ranks=ranks,
            what=what,
            dtype=dtype,
            size_bytes=size_bytes,
            seconds={side: statistics.median(values) for side, values in sides.items()},
        )
        for (launcher, ranks), table in found.items()
        for (what, dtype, size_bytes), sides in sorted(table.items(), key=lambda item: _place(*item[0]))
    )


def _place(what: str, dtype: str, size_bytes: int) -> tuple[int, int, int]:
    return WHATS.index(what), TYPES.index(dtype), size_bytes


def times_faster_than_gloo(what: str, size_bytes: int) -> float | None:
    """Return the aim against gloo, ``None`` for sizes that have none."""
    if what != ALLREDUCE:
        return STEP_RATIO
    if size_bytes <= 64 * KIB:
        return 20.0
    if size_bytes == MIB:
        return 7.0
    return 2.5 if size_bytes >= 16 * MIB else None


def missed(row: Row) -> tuple[str, ...]:
    """Return in words the aims that a row misses."""
    found = []
    aim, ratio = times_faster_than_gloo(row.what, row.size_bytes), row.ratio(GLOO)
    if aim is not None and ratio is not None and ratio < aim:
        found.append(f"{ratio:.3g} times faster than gloo, not {aim:g}")
    behind = row.ratio(BINDINGS)
    if behind is not None and behind < 1:
        found.append(f"{1 / behind:.2f} times the bindings' time")
    limit_s = row.seconds.get(IMB)
    if limit_s is not None and BRIDGE in row.seconds:
        ours_s = row.seconds[BRIDGE]
        if row.size_bytes >= MIB and ours_s > OVER_IMB_RATIO * limit_s:
            found.append(f"{ours_s / limit_s:.2f} times {IMB}, not {OVER_IMB_RATIO}")
        elif row.size_bytes < MIB and ours_s - limit_s > OVER_IMB_S:
            found.append(f"{(ours_s - limit_s) * 1e6:.0f} microseconds above {IMB}, not {OVER_IMB_S * 1e6:.0f}")
    return tuple(found)
