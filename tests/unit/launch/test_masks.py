from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipexenv.launch.masks import cpu_list, hex_mask, pin_domain
from ipexenv.probe.cpulist import parse_list, parse_mask

CPUS = st.frozensets(st.integers(0, 300))


def test_the_masks_of_ipexruns_example() -> None:
    assert pin_domain([range(4, 28), range(32, 56)]) == "[0xffffff0,0xffffff00000000]"


@pytest.mark.parametrize(
    ("cpus", "text"), [((), ""), ((3,), "3"), ((0, 1, 2, 3, 8), "0-3,8"), ((5, 4, 4, 9, 10), "4-5,9-10")]
)
def test_lists_have_ranges(cpus: tuple[int, ...], text: str) -> None:
    assert cpu_list(cpus) == text


@given(CPUS)
def test_lists_and_masks_are_read_back(cpus: frozenset[int]) -> None:
    assert parse_list(cpu_list(cpus)) == cpus
    digits = hex_mask(cpus)[2:]
    words = digits.rjust(-len(digits) // 8 * -8, "0")
    assert parse_mask(",".join(words[at : at + 8] for at in range(0, len(words), 8))) == cpus
