"""Small allreduces within a host, which go through memory that the ranks share, and what may go wrong with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration import bridge_ranks as ranks
from tests.integration.conftest import STAND_IN

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.conftest import EnvironmentFactory

pytestmark = pytest.mark.slow


@pytest.fixture
def python(environment: EnvironmentFactory) -> Path:
    return environment("native213").python


def run(python: Path, size: int, way: str, **more: str) -> list[ranks.Ended]:
    ended = ranks.run(python, size, "near.py", way, limit_s=120, more=more)
    assert [rank.returncode for rank in ended] == [0] * size, ended
    return ended


@pytest.mark.parametrize(
    ("size", "more"),
    [(2, {}), (3, {}), (2, {"IPEXENV_BRIDGE_NEAR_BYTES": "65536"}), (2, {"IPEXENV_BRIDGE_NEAR_BYTES": "0"})],
    ids=["2 ranks", "3 ranks", "2 ranks, up to 64 KB", "2 ranks, oneCCL alone"],
)
def test_every_size_type_and_reduction_is_right(python: Path, size: int, more: dict[str, str]) -> None:
    assert [rank.answer for rank in run(python, size, "every_size", **more)] == [[]] * size


def test_ranks_that_disagree_about_the_limit_take_the_lowest(python: Path) -> None:
    limits = [{"IPEXENV_BRIDGE_NEAR_BYTES": text} for text in ("1048576", "4096")]
    ended = ranks.finish(ranks.start(python, 2, "near.py", "every_size", per_rank=limits), limit_s=120)
    assert [rank.returncode for rank in ended] == [0, 0], ended
    assert [rank.answer for rank in ended] == [[], []]


def test_all_ranks_have_the_same_bits(python: Path) -> None:
    assert [rank.answer for rank in run(python, 3, "same_bits")] == [[True] * 4] * 3


def test_those_in_the_background_keep_their_order(python: Path) -> None:
    assert [rank.answer for rank in run(python, 2, "queued")] == [[True, 2.0, True]] * 2


def test_inference_mode_makes_no_difference(python: Path) -> None:
    assert [rank.answer for rank in run(python, 2, "inference")] == [[2.0, 1.0, 2]] * 2


def test_what_differs_between_ranks_is_named_on_all_of_them_and_the_group_goes_on(python: Path) -> None:
    ended = run(python, 2, "mismatched")
    for rank in ended:
        assert all("CclInputError" in kinds for kinds, _ in rank.answer)
    first = [text for _, text in ended[0].answer]
    assert first[0] == "allreduce: rank 0 of the group gave float32[10] (SUM), and rank 1 gave float32[11] (SUM)"
    assert "float32[10] (SUM), and rank 1 gave int64[10] (SUM)" in first[1]
    assert "float32[10] (SUM), and rank 1 gave float32[10] (MAX)" in first[2]
    assert "rank 1 gave float32[100000] (SUM)" in first[3]
    assert "rank 1 of the group gave float32[11] (SUM), and rank 0 gave float32[10] (SUM)" in ended[1].answer[4][1]
    assert "float32[65536] (SUM), and rank 1 gave float32[131072] (SUM)" in first[5]


def test_the_program_s_own_threads_are_left_to_it(python: Path) -> None:
    assert [rank.answer for rank in run(python, 2, "threads")] == [[[3, True]] * 3] * 2


def test_an_interrupted_rank_cannot_go_on_as_if_nothing_were(python: Path) -> None:
    """An older torch does not say that its caller waits: it stays queued, in step, until the other rank ends."""
    interrupted, later = run(python, 2, "interrupted")[0].answer
    assert interrupted == "KeyboardInterrupt"
    assert "interrupted, so its ranks are no longer in step" in later or (STAND_IN and "has died" in later)
