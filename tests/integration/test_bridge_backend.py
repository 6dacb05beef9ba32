"""Every collective of the bridge against a plain-Python reference, on random shapes, types, layouts and groups."""

from __future__ import annotations

import math
import operator
from functools import reduce
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration import bridge_ranks as ranks
from tests.integration.bridge_programs.values import values

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.integration.conftest import EnvironmentFactory

pytestmark = pytest.mark.slow

TYPES = ("int8", "uint8", "int16", "int32", "int64", "float16", "bfloat16", "float32", "float64", "bool")
REDUCTIONS: dict[str, Callable[[Any, Any], Any]] = {
    "SUM": operator.add,
    "AVG": operator.add,
    "PRODUCT": operator.mul,
    "MIN": min,
    "MAX": max,
}
EVEN = ("all_reduce", "reduce", "broadcast", "all_gather_into_tensor", "reduce_scatter_tensor", "ring", "barrier")
UNEVEN = ("all_gather", "gather", "scatter", "reduce_scatter", "all_reduce_coalesced")
EXCHANGES = ("all_to_all", "all_to_all_single")
RELATIVE = {"float16": 2e-3, "bfloat16": 1e-2}


@st.composite
def cases(draw: st.DrawFn, *, size: int) -> dict[str, Any]:
    """Draw one collective to do."""
    members = draw(st.lists(st.integers(0, size - 1), min_size=1, max_size=size, unique=True).map(sorted))
    op = draw(st.sampled_from((*EVEN, *UNEVEN, *EXCHANGES)))
    if op == "ring" and len(members) == 1:
        op = "barrier"
    dtype = draw(st.sampled_from(TYPES))
    reduction = draw(st.sampled_from(tuple(REDUCTIONS)))
    if dtype == "bool" and reduction == "AVG":
        reduction = "SUM"
    count = draw(st.one_of(st.integers(0, 9), st.integers(1000, 3000)))
    counts = draw(st.lists(st.integers(0, 7), min_size=len(members), max_size=len(members)))
    if draw(st.booleans()):
        counts = [count] * len(members)
    rows = st.lists(st.integers(0, 5), min_size=len(members), max_size=len(members))
    table = draw(st.lists(rows, min_size=len(members), max_size=len(members)))
    even = op == "all_to_all_single" and draw(st.booleans())
    if even:
        table = [[count % 7] * len(members)] * len(members)
    return {
        "op": op,
        "group": members,
        "dtype": dtype,
        "layout": draw(st.sampled_from(("dense", "strided", "transposed"))),
        "reduce": reduction,
        "async": draw(st.booleans()),
        "root": draw(st.integers(0, len(members) - 1)),
        "count": count,
        "counts": counts,
        "table": table,
        "even": even,
        "seed": draw(st.integers(0, 4)),
    }


def reduced(case: dict[str, Any], count: int) -> list[Any]:
    """Reduce the first ``count`` elements of all members."""
    rows = [values(case["seed"], place, count, case["dtype"]) for place in range(len(case["group"]))]
    found = [reduce(REDUCTIONS[case["reduce"]], column) for column in zip(*rows, strict=True)]
    if case["dtype"] == "bool":
        found = [int(bool(number)) for number in found]
    if case["reduce"] == "AVG":
        divided = [number / len(rows) for number in found]
        whole = case["dtype"].startswith(("int", "uint"))
        found = [math.trunc(number) for number in divided] if whole else divided
    return found


def part(numbers: list[Any], counts: list[int], place: int) -> list[Any]:
    start = sum(counts[:place])
    return numbers[start : start + counts[place]]


def expected(case: dict[str, Any], place: int) -> list[list[Any]]:
    """Return the outputs of the member at ``place``, computed in plain Python."""
    count, counts, root, table = case["count"], case["counts"], case["root"], case["table"]
    members = range(len(case["group"]))

    def own(of: int, number: int) -> list[Any]:
        return values(case["seed"], of, number, case["dtype"])

    def row(of: int) -> list[Any]:
        return own(of, sum(table[of]))

    before = (place - 1) % len(case["group"])
    answers: dict[str, Callable[[], list[list[Any]]]] = {
        "all_reduce": lambda: [reduced(case, count)],
        "all_reduce_coalesced": lambda: [reduced(case, number) for number in counts],
        "reduce": lambda: [reduced(case, count) if place == root else own(place, count)],
        "broadcast": lambda: [own(root, count)],
        "all_gather": lambda: [own(of, counts[of]) for of in members],
        "all_gather_into_tensor": lambda: [[number for of in members for number in own(of, count)]],
        "gather": lambda: [own(of, counts[of]) for of in members] if place == root else [],
        "scatter": lambda: [part(own(root, sum(counts)), counts, place)],
        "reduce_scatter": lambda: [part(reduced(case, sum(counts)), counts, place)],
        "reduce_scatter_tensor": lambda: [
            part(reduced(case, count * len(case["group"])), [count] * len(case["group"]), place)
        ],
        "all_to_all": lambda: [part(row(of), table[of], place) for of in members],
        "all_to_all_single": lambda: [[number for of in members for number in part(row(of), table[of], place)]],
        "barrier": list,
        "ring": lambda: [own(before, count), own(before, count + 1)],
    }
    return answers[case["op"]]()


def check(case: dict[str, Any], answers: list[Any]) -> None:
    for rank, outputs in enumerate(answers):
        if rank not in case["group"]:
            assert outputs is None
            continue
        wanted = expected(case, case["group"].index(rank))
        assert len(outputs) == len(wanted), case
        for output, want in zip(outputs, wanted, strict=True):
            assert output == pytest.approx(want, rel=RELATIVE.get(case["dtype"], 1e-6)), (rank, case)


WAYS: dict[str, tuple[str, int, dict[str, str]]] = {
    "newest, 2 ranks": ("native213", 2, {}),
    "newest, 4 ranks": ("native213", 4, {}),
    "newest, 3 ranks, a worker each": ("native213", 3, {"CCL_WORKER_OFFLOAD": "1", "CCL_WORKER_AFFINITY": "auto"}),
    "newest, 2 ranks, TCP alone": ("native213", 2, {"CCL_ATL_SHM": "0", "IPEXENV_BRIDGE_NEAR_BYTES": "0"}),
    "2.8, 2 ranks": ("torch28", 2, {}),
}


@pytest.fixture(scope="module", params=WAYS)
def server(request: pytest.FixtureRequest, environment: EnvironmentFactory) -> Iterator[ranks.Serving]:
    recipe, size, more = WAYS[request.param]
    with ranks.serving(environment(recipe).python, size, more) as found:
        yield found


def test_every_collective_gives_what_plain_python_gives(server: ranks.Serving) -> None:
    @settings(
        max_examples=200,
        deadline=None,
        derandomize=True,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(case=cases(size=len(server.processes)))
    def prove(case: dict[str, Any]) -> None:
        check(case, server.ask(case))

    prove()
