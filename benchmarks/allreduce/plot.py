"""The measurements as an SVG drawing: time over size, both in powers of ten, one panel for each type.

It takes its colours from the page's light or dark scheme and needs nothing but a browser.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from benchmarks.allreduce.samples import ALLREDUCE, SIDES, Row
from benchmarks.allreduce.table import size_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

WIDTH, HEIGHT = 460, 360
"""Of one panel, in pixels."""

LEFT, RIGHT, TOP, BOTTOM = 70, 20, 40, 60

COLOURS = ("#2a6fdb", "#d9822b", "#8a56c2", "#7a8288")
"""One for each side; they are told apart on white and on black."""

DASHES = ("", "7 3", "2 3", "10 3 2 3")

STYLE = """
  .ink { fill: #1f2328; } .line { stroke: #1f2328; } .grid { stroke: #d0d7de; } .paper { fill: #ffffff; }
  @media (prefers-color-scheme: dark) {
    .ink { fill: #e6edf3; } .line { stroke: #e6edf3; } .grid { stroke: #30363d; } .paper { fill: #0d1117; }
  }
  text { font: 12px system-ui, sans-serif; }
"""

LABELLED_S = {1e-6: "1 µs", 1e-5: "10 µs", 1e-4: "100 µs", 1e-3: "1 ms", 1e-2: "10 ms", 1e-1: "100 ms", 1.0: "1 s"}


def draw(rows: Sequence[Row]) -> str:
    """Return an SVG document with one panel for each launcher, number of ranks and type; empty without any rows."""
    shown = [row for row in rows if row.what == ALLREDUCE]
    if not shown:
        return ""
    names = list(dict.fromkeys((row.launcher, row.ranks) for row in shown))
    types = list(dict.fromkeys(row.dtype for row in shown))
    sides = [side for side in SIDES if any(side in row.seconds for row in shown)]
    scales = _scales(shown)
    width, height = WIDTH * len(types), HEIGHT * len(names) + 30
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">',
        f"<style>{STYLE}</style>",
        f'<rect class="paper" width="{width}" height="{height}"/>',
        *_legend(sides),
    ]
    for row_index, (launcher, ranks) in enumerate(names):
        for column, dtype in enumerate(types):
            points = [row for row in shown if (row.launcher, row.ranks, row.dtype) == (launcher, ranks, dtype)]
            title = f"allreduce, {dtype}, {ranks} ranks, {launcher}"
            lines.append(f'<g transform="translate({column * WIDTH} {row_index * HEIGHT + 30})">')
            lines += [*_axes(title, points, scales), *_curves(points, sides, scales), "</g>"]
    return "\n".join([*lines, "</svg>"]) + "\n"


Scales = tuple["Callable[[float], float]", "Callable[[float], float]", float, float]


def _scales(rows: Sequence[Row]) -> Scales:
    """Return where a size and a time lie in a panel, and the first and the last time."""
    sizes = [math.log(row.size_bytes) for row in rows]
    times = [math.log10(seconds) for row in rows for seconds in row.seconds.values()]
    low, high = math.floor(min(times)), max(math.ceil(max(times)), math.floor(min(times)) + 1)
    span = (max(sizes) - min(sizes)) or 1.0

    def across(size_bytes: float) -> float:
        return LEFT + (math.log(size_bytes) - min(sizes)) / span * (WIDTH - LEFT - RIGHT)

    def down(seconds: float) -> float:
        return TOP + (high - math.log10(seconds)) / (high - low) * (HEIGHT - TOP - BOTTOM)

    return across, down, 10.0**low, 10.0**high


def _legend(sides: Sequence[str]) -> list[str]:
    lines = []
    for place, side in enumerate(sides):
        left, index = LEFT + 110 * place, SIDES.index(side)
        lines.append(f'<path d="M{left} 18h28" {_pen(index)}/>')
        lines.append(f'<text class="ink" x="{left + 34}" y="22">{escape(side)}</text>')
    return lines


def _pen(index: int) -> str:
    return f'fill="none" stroke="{COLOURS[index]}" stroke-width="2" stroke-dasharray="{DASHES[index]}"'


def _axes(title: str, rows: Sequence[Row], scales: Scales) -> list[str]:
    across, down, first_s, last_s = scales
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
    lines = [f'<text class="ink" x="{LEFT}" y="{TOP - 12}">{escape(title)}</text>']
    for seconds, label in LABELLED_S.items():
        if first_s * 0.99 <= seconds <= last_s * 1.01:
            lines.append(f'<path class="grid" d="M{LEFT} {down(seconds):.1f}H{right}"/>')
            lines.append(
                f'<text class="ink" x="{LEFT - 6}" y="{down(seconds) + 4:.1f}" text-anchor="end">{label}</text>'
            )
    for size_bytes in sorted({row.size_bytes for row in rows}):
        place = f"{across(size_bytes):.1f}"
        lines.append(f'<path class="grid" d="M{place} {TOP}V{bottom}"/>')
        lines.append(
            f'<text class="ink" transform="translate({place} {bottom + 12}) rotate(-45)" text-anchor="end">'
            f"{size_text(size_bytes)}</text>"
        )
    lines.append(f'<path class="line" fill="none" d="M{LEFT} {TOP}V{bottom}H{right}"/>')
    return lines


def _curves(rows: Sequence[Row], sides: Sequence[str], scales: Scales) -> list[str]:
    across, down, _, _ = scales
    lines = []
    for side in sides:
        points = [(row.size_bytes, row.seconds[side]) for row in rows if side in row.seconds]
        path = "L".join(f"{across(size_bytes):.1f} {down(seconds):.1f}" for size_bytes, seconds in points)
        if path:
            lines.append(f'<path d="M{path}" {_pen(SIDES.index(side))}><title>{escape(side)}</title></path>')
    return lines
