"""The measurements as Markdown tables, one for each launcher and number of ranks."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from benchmarks.allreduce.samples import ALLREDUCE, BRIDGE, GLOO, IMB, SIDES, Row, missed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

UNITS = ((1 << 20, "MB"), (1 << 10, "KB"))


def size_text(size_bytes: int) -> str:
    """Return a size as people write it: ``8 B``, ``64 KB``, ``256 MB``."""
    for unit_bytes, name in UNITS:
        if size_bytes >= unit_bytes and size_bytes % unit_bytes == 0:
            return f"{size_bytes // unit_bytes} {name}"
    return f"{size_bytes} B"


def milliseconds(seconds: float | None) -> str:
    """Return a time in milliseconds with three digits that count; empty for none."""
    if seconds is None:
        return ""
    return f"{float(f'{seconds * 1e3:.3g}'):.10g}"


def tables(rows: Sequence[Row], machine: Mapping[str, str]) -> str:
    """Return all tables, the machine before them and the aims that were missed after them."""
    parts = ["; ".join(f"{name} {value}" for name, value in machine.items())]
    for (launcher, ranks), group in groupby(rows, key=lambda row: (row.launcher, row.ranks)):
        parts += [f"{launcher}, {ranks} ranks (milliseconds):", _table(list(group))]
    return "\n\n".join([*parts, _verdict(rows)]) + "\n"


def _table(rows: Sequence[Row]) -> str:
    sides = [side for side in SIDES if any(side in row.seconds for row in rows)]
    head = ["allreduce of", *sides]
    if GLOO in sides:
        head.append("gloo / bridge")
    if IMB in sides:
        head.append(f"bridge / {IMB}")
    lines = [head, ["---"] * len(head)]
    for row in rows:
        line = [_named(row), *(milliseconds(row.seconds.get(side)) for side in sides)]
        if GLOO in sides:
            line.append(_ratio(row.ratio(GLOO)))
        if IMB in sides:
            above = row.ratio(IMB)
            line.append(_ratio(1 / above if above else None))
        lines.append(line)
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _ratio(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"


def _named(row: Row) -> str:
    return f"{size_text(row.size_bytes) if row.what == ALLREDUCE else row.what}, {row.dtype}"


def _verdict(rows: Iterable[Row]) -> str:
    judged = [row for row in rows if BRIDGE in row.seconds]
    lines = [
        f"- {row.launcher}, {row.ranks} ranks, {_named(row)}: {'; '.join(words)}"
        for row in judged
        if (words := missed(row))
    ]
    if not lines:
        return f"All aims are met, in {len(judged)} rows."
    return "\n".join([f"Aims missed, in {len(lines)} of {len(judged)} rows:", "", *lines])
