"""The tables of the allreduce benchmark."""

from __future__ import annotations

import pytest

from benchmarks.allreduce.samples import ALLREDUCE, BRIDGE, GLOO, IMB, KIB, MIB, RESNET, Row
from benchmarks.allreduce.table import milliseconds, size_text, tables


@pytest.mark.parametrize(("size_bytes", "text"), [(8, "8 B"), (KIB, "1 KB"), (1536, "1536 B"), (256 * MIB, "256 MB")])
def test_sizes_read_as_people_write_them(size_bytes: int, text: str) -> None:
    assert size_text(size_bytes) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(None, ""), (9.234e-6, "0.00923"), (4.2e-7, "0.00042"), (0.15, "150"), (1.2345, "1230")]
)
def test_times_have_three_digits_that_count(seconds: float | None, text: str) -> None:
    assert milliseconds(seconds) == text


def test_each_launcher_has_its_table_and_what_was_missed_stands_below() -> None:
    rows = [
        Row(
            launcher="mpirun",
            ranks=2,
            what=ALLREDUCE,
            dtype="float32",
            size_bytes=8,
            seconds={BRIDGE: 1e-5, GLOO: 2.5e-4, IMB: 1e-6},
        ),
        Row(
            launcher="mpirun",
            ranks=2,
            what=RESNET,
            dtype="bfloat16",
            size_bytes=0,
            seconds={BRIDGE: 0.2, GLOO: 0.22},
        ),
        Row(launcher="plain", ranks=4, what=ALLREDUCE, dtype="float32", size_bytes=8, seconds={BRIDGE: 1e-5}),
    ]
    assert tables(rows, {"CPU": "some", "cores": "2"}) == (
        "CPU some; cores 2\n"
        "\n"
        "mpirun, 2 ranks (milliseconds):\n"
        "\n"
        "| allreduce of | bridge | gloo | IMB-MPI1 | gloo / bridge | bridge / IMB-MPI1 |\n"
        "| --- | --- | --- | --- | --- | --- |\n"
        "| 8 B, float32 | 0.01 | 0.25 | 0.001 | 25 | 10 |\n"
        "| step of a ResNet-50, bfloat16 | 200 | 220 |  | 1.1 |  |\n"
        "\n"
        "plain, 4 ranks (milliseconds):\n"
        "\n"
        "| allreduce of | bridge |\n"
        "| --- | --- |\n"
        "| 8 B, float32 | 0.01 |\n"
        "\n"
        "Aims missed, in 1 of 3 rows:\n"
        "\n"
        "- mpirun, 2 ranks, step of a ResNet-50, bfloat16: 1.1 times faster than gloo, not 1.3\n"
    )


def test_where_all_aims_are_met_it_says_so() -> None:
    row = Row(launcher="plain", ranks=2, what=ALLREDUCE, dtype="float32", size_bytes=8, seconds={BRIDGE: 1e-5})
    assert tables([row], {}).endswith("All aims are met, in 1 rows.\n")
