"""The drawing of the allreduce benchmark: well-formed, with a curve for each side, falling to the right side."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from benchmarks.allreduce.plot import HEIGHT, WIDTH, draw
from benchmarks.allreduce.samples import ALLREDUCE, BRIDGE, GLOO, IMB, PERCEPTRON, Row

SVG = "{http://www.w3.org/2000/svg}"


def row(size_bytes: int, dtype: str, what: str = ALLREDUCE, **seconds: float) -> Row:
    names = {"bridge": BRIDGE, "gloo": GLOO, "imb": IMB}
    return Row(
        launcher="plain",
        ranks=2,
        what=what,
        dtype=dtype,
        size_bytes=size_bytes,
        seconds={names[name]: value for name, value in seconds.items()},
    )


ROWS = [
    row(8, "float32", bridge=1e-5, gloo=1e-4, imb=4e-7),
    row(1 << 20, "float32", bridge=1e-3, gloo=1e-2),
    row(8, "bfloat16", bridge=1e-5, gloo=1e-4),
    row(0, "float32", PERCEPTRON, bridge=1.0),
]


def test_it_has_a_panel_for_each_type_and_a_curve_for_each_side() -> None:
    root = ET.fromstring(draw(ROWS))  # noqa: S314 (our own text)
    panels = root.findall(f"{SVG}g")
    assert (root.get("width"), len(panels)) == (str(2 * WIDTH), 2)
    said = [[text.text for text in panel.iter(f"{SVG}text")] for panel in panels]
    assert said[0][0] == "allreduce, float32, 2 ranks, plain"
    assert {"1 µs", "10 ms", "8 B", "1 MB"} <= set(said[0])
    assert [[title.text for title in panel.iter(f"{SVG}title")] for panel in panels] == [
        [BRIDGE, GLOO, IMB],
        [BRIDGE, GLOO],
    ]
    assert {text.text for text in root.findall(f"{SVG}text")} == {BRIDGE, GLOO, IMB}


def test_longer_times_are_higher_and_larger_sizes_further_right() -> None:
    root = ET.fromstring(draw(ROWS))  # noqa: S314 (our own text)
    curves = {
        title.text: [float(number) for number in re.findall(r"[\d.]+", path.get("d", ""))]
        for path in root.findall(f"{SVG}g")[0].findall(f"{SVG}path")
        if (title := path.find(f"{SVG}title")) is not None
    }
    left, first, right, second = curves[BRIDGE]
    assert left < right <= WIDTH
    assert second < first <= HEIGHT
    assert curves[GLOO][1] < first < curves[IMB][1]


def test_it_follows_the_page_s_scheme() -> None:
    assert "prefers-color-scheme: dark" in draw(ROWS)


def test_without_allreduces_there_is_nothing_to_draw() -> None:
    assert draw([row(0, "float32", PERCEPTRON, bridge=1.0)]) == ""
