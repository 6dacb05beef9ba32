"""Ranks of one host see what the others are about to do."""

from __future__ import annotations

import os

import pytest

from ipexenv.bridge.payload.ipexenv_oneccl_bridge.board import MOST_RANKS, PLACES, WORDS_BYTES, Board, Parts

SIZE = 3


@pytest.fixture
def boards() -> list[Board]:
    """Return the boards of three ranks, all of this process."""
    made = [Board(rank, SIZE) for rank in range(SIZE)]
    for rank, board in enumerate(made):
        board.meet({other: (os.getpid(), made[other].file) for other in range(SIZE) if other != rank})
    for board in made:
        board.close_file()
    return made


def test_ranks_that_do_the_same_do_not_differ(boards: list[Board]) -> None:
    for number in range(1, 3 * PLACES):
        for board in boards:
            assert not board.has_posted(number)
            board.post(number, b"allreduce float32 10 SUM")
            assert board.has_posted(number)
            assert board.difference(number) == ""


def test_the_later_rank_and_the_earlier_one_learn_of_a_difference(boards: list[Board]) -> None:
    boards[0].post(1, b"broadcast float32 10 0")
    assert boards[0].difference(1) == ""
    boards[2].post(1, b"barrier")
    assert boards[2].difference(1) == "rank 2 calls barrier, and rank 0 calls broadcast float32 10 0"
    assert boards[0].difference(1) == "rank 0 calls broadcast float32 10 0, and rank 2 calls barrier"


def test_only_calls_of_the_same_number_are_compared(boards: list[Board]) -> None:
    boards[0].post(1, b"barrier")
    boards[1].post(2, b"broadcast float32 10 0")
    boards[2].post(1 + PLACES, b"broadcast float32 10 0")
    assert [board.difference(number) for board, number in zip(boards, (1, 2, 1 + PLACES), strict=True)] == [""] * SIZE


def test_a_rank_that_never_said_anything_differs_from_nobody(boards: list[Board]) -> None:
    boards[1].post(7, b"barrier")
    boards[0].post(7, b"barrier")
    assert boards[0].difference(7) == boards[1].difference(7) == ""


def test_parts_must_be_what_the_other_expects(boards: list[Board]) -> None:
    words = b"all_to_all float32"
    boards[0].post(1, words, Parts((0, 5, 2), (0, 1, 1)))
    boards[1].post(1, words, Parts((1, 0, 1), (5, 0, 1)))
    assert boards[0].difference(1) == boards[1].difference(1) == ""
    boards[2].post(1, words, Parts((1, 1, 0), (3, 1, 0)))
    told = "in all_to_all float32, rank 0 sends 2 elements to rank 2, which expects 3"
    assert boards[0].difference(1) == boards[2].difference(1) == told
    assert boards[1].difference(1) == ""


def test_long_words_are_cut_off(boards: list[Board]) -> None:
    for board in boards:
        board.post(1, b"x" * (2 * WORDS_BYTES))
    assert boards[0].difference(1) == ""


def test_a_rank_whose_memory_cannot_be_opened_is_not_compared() -> None:
    boards = [Board(rank, 2) for rank in range(2)]
    boards[0].meet({1: (os.getpid(), 987654)})
    boards[0].post(1, b"barrier")
    boards[1].post(1, b"broadcast float32 10 0")
    assert boards[0].difference(1) == ""
    for board in boards:
        board.close_file()


def test_in_very_large_groups_nothing_is_compared() -> None:
    board = Board(0, MOST_RANKS + 1)
    board.post(1, b"barrier")
    assert board.file == -1
    assert board.has_posted(1)
    assert board.difference(1) == ""
