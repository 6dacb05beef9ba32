"""Samples of the allreduce benchmark: kept, merged, and held against the aims."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.allreduce.samples import (
    ALLREDUCE,
    BINDINGS,
    BRIDGE,
    GLOO,
    IMB,
    KIB,
    MIB,
    PERCEPTRON,
    Row,
    Sample,
    missed,
    read,
    rows,
    write,
)

if TYPE_CHECKING:
    from pathlib import Path


def sample(side: str, seconds: float, **more: object) -> Sample:
    fields: dict[str, object] = {
        "launcher": "mpirun",
        "ranks": 2,
        "what": ALLREDUCE,
        "dtype": "float32",
        "size_bytes": 8,
        **more,
    }
    return Sample(side=side, seconds=seconds, **fields)  # type: ignore[arg-type]


def row(size_bytes: int, what: str = ALLREDUCE, **microseconds: float) -> Row:
    names = {"bridge": BRIDGE, "gloo": GLOO, "bindings": BINDINGS, "imb": IMB}
    seconds = {names[name]: value * 1e-6 for name, value in microseconds.items()}
    return Row(launcher="mpirun", ranks=2, what=what, dtype="float32", size_bytes=size_bytes, seconds=seconds)


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    samples = (sample(BRIDGE, 1e-5), sample(GLOO, 2e-4, dtype="bfloat16"))
    write(tmp_path / "a.json", {"CPU": "some"}, samples)
    assert read(tmp_path / "a.json") == ({"CPU": "some"}, samples)


def test_the_median_over_the_rounds_counts_for_each_side() -> None:
    (found,) = rows([sample(BRIDGE, 3.0), sample(BRIDGE, 1.0), sample(BRIDGE, 9.0), sample(GLOO, 6.0)])
    assert found.seconds == {BRIDGE: 3.0, GLOO: 6.0}
    assert found.ratio(GLOO) == 2.0
    assert found.ratio(BINDINGS) is None


def test_intel_mpi_s_benchmark_stands_beside_every_type_that_was_measured() -> None:
    found = rows([sample(BRIDGE, 2.0), sample(BRIDGE, 3.0, dtype="bfloat16"), sample(IMB, 1.0)])
    assert [(one.dtype, one.seconds[IMB]) for one in found] == [("float32", 1.0), ("bfloat16", 1.0)]


def test_rows_go_by_launcher_then_operation_type_and_size() -> None:
    given = [
        sample(BRIDGE, 1.0, launcher="torchrun"),
        sample(BRIDGE, 1.0, what=PERCEPTRON, size_bytes=0),
        sample(BRIDGE, 1.0, size_bytes=KIB),
        sample(BRIDGE, 1.0, dtype="bfloat16"),
        sample(BRIDGE, 1.0),
    ]
    assert [(one.launcher, one.what, one.dtype, one.size_bytes) for one in rows(given)] == [
        ("torchrun", ALLREDUCE, "float32", 8),
        ("mpirun", ALLREDUCE, "float32", 8),
        ("mpirun", ALLREDUCE, "float32", KIB),
        ("mpirun", ALLREDUCE, "bfloat16", 8),
        ("mpirun", PERCEPTRON, "float32", 0),
    ]


@pytest.mark.parametrize(
    "met",
    [
        row(8, bridge=10, gloo=200, imb=1),
        row(256 * KIB, bridge=60, gloo=70, imb=21),
        row(MIB, bridge=130, gloo=910, imb=101),
        row(4 * MIB, bridge=130, gloo=140),
        row(16 * MIB, bridge=100, gloo=250, imb=77, bindings=100),
        row(0, PERCEPTRON, bridge=100, gloo=130),
        row(8, gloo=1),
    ],
    ids=str,
)
def test_aims_that_are_met(met: Row) -> None:
    assert missed(met) == ()


@pytest.mark.parametrize(
    ("short", "words"),
    [
        (row(64 * KIB, bridge=10, gloo=190), "19 times faster than gloo, not 20"),
        (row(MIB, bridge=10, gloo=69), "6.9 times faster than gloo, not 7"),
        (row(256 * MIB, bridge=10, gloo=24), "2.4 times faster than gloo, not 2.5"),
        (row(0, PERCEPTRON, bridge=10, gloo=12), "1.2 times faster than gloo, not 1.3"),
        (row(64 * KIB, bridge=52, imb=9), "43 microseconds above IMB-MPI1, not 40"),
        (row(MIB, bridge=140, imb=100), "1.40 times IMB-MPI1, not 1.3"),
        (row(8, bridge=12, bindings=10), "1.20 times the bindings' time"),
    ],
)
def test_aims_that_are_missed_are_named_with_their_figures(short: Row, words: str) -> None:
    assert missed(short) == (words,)
