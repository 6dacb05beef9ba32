"""Everything else that programs do with torch.distributed works over the bridge: objects, groups, futures, meshes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.integration import bridge_ranks as ranks
from tests.integration.conftest import STAND_IN

if TYPE_CHECKING:
    from tests.integration.conftest import EnvironmentFactory

pytestmark = pytest.mark.slow

SIZE = 2
WAYS = {"newest": ("native213", "ccl"), "2.8, named for the CPU": ("torch28", "cpu:ccl")}


def expected(rank: int, backend: str) -> dict[str, Any]:
    """Return what each call gives on that rank of two."""
    moved = [[1.0, 1.0, 2.0, 2.0], [1.0, 2.0]]
    summed = [[3.0], [3.0, 3.0]]
    return {
        "objects": [[0, 1000], [{"from": 0}, "second"], [0, 1] if rank == 0 else None, [10 * rank]],
        "pairs": [1.0 - rank] * 5,
        "futures": [[6.0] * 3, [3.0] * 3, True, True],
        "coalesced": [[[2.0] * 3, [4.0] * 3, [6.0] * 3], [[0.0, 1.0]] * 2, [[2.0 * rank]] * 2],
        "groups": [2.0, 2.0, 2.0, 1.0, 1.0 if rank == 1 else None],
        "mesh": [1.0, 2.0],
        "kinds": {
            **{name: [*moved, *summed] for name in ("complex64", "complex128", "uint16", "uint32")},
            "float8_e4m3fn": moved,
        },
        "modes": [2.0, 2.0, 2.0, 2.0, True],
        "several_threads": [2.0] * 6,
        "names": [backend, "CclProcessGroup", [0, 1]],
    }


@pytest.mark.parametrize("way", WAYS)
def test_what_programs_call_gives_what_they_expect(way: str, environment: EnvironmentFactory) -> None:
    recipe, backend = WAYS[way]
    ended = ranks.run(environment(recipe).python, SIZE, "calls.py", backend)
    assert [rank.returncode for rank in ended] == [0] * SIZE, ended
    for place, rank in enumerate(ended):
        wanted = expected(place, backend)
        if STAND_IN:  # an older torch may lack what some of them call, and some types
            wanted = {name: wanted[name] for name in rank.answer}
            wanted["kinds"] = {name: wanted["kinds"][name] for name in rank.answer["kinds"]}
        for name, answer in rank.answer.items():
            assert answer == wanted[name], name
        assert rank.answer.keys() == wanted.keys()


def test_a_group_over_ccl_can_stand_beside_others(environment: EnvironmentFactory) -> None:
    """The program names gloo, and only one of its groups is over ccl; gloo's own end is not looked at."""
    ended = ranks.run(environment("native213").python, SIZE, "calls.py", "gloo", "groups")
    wanted = [{"groups": expected(place, "gloo")["groups"]} for place in range(SIZE)]
    assert [rank.answer for rank in ended] == wanted or (STAND_IN and all(rank.answer == {} for rank in ended))
