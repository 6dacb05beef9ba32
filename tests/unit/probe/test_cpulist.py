from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipexenv.probe.cpulist import parse_list, parse_mask

UNITS = st.frozensets(st.integers(min_value=0, max_value=4000), max_size=40)


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("", set()),
        ("0", {0}),
        ("0-3,8", {0, 1, 2, 3, 8}),
        (" 0-1, 4 ", {0, 1, 4}),
        ("3-1", set()),
        ("0-7:2/4", set(range(8))),
    ],
)
def test_lists(text: str, units: set[int]) -> None:
    assert parse_list(text) == frozenset(units)


@pytest.mark.parametrize("text", ["x", "0-", "-1", "0-99999999999", "²", "1;2"])
def test_what_is_no_list_is_none(text: str) -> None:
    assert parse_list(text) is None


@pytest.mark.parametrize(
    ("text", "units"),
    [("01", {0}), ("ff", set(range(8))), ("00000001,00000002", {1, 32}), ("1,2", {1, 32}), ("0", set())],
)
def test_masks(text: str, units: set[int]) -> None:
    assert parse_mask(text) == frozenset(units)


@pytest.mark.parametrize("text", ["", "g", "0x1", "123456789", "1,,2", "-1", ",".join(["ffffffff"] * 5000)])
def test_what_is_no_mask_is_none(text: str) -> None:
    assert parse_mask(text) is None


@given(UNITS)
def test_a_written_list_reads_back(units: frozenset[int]) -> None:
    assert parse_list(",".join(str(unit) for unit in units)) == units


@given(UNITS)
def test_a_written_mask_reads_back(units: frozenset[int]) -> None:
    digits = f"{sum(1 << unit for unit in units):x}"
    words = [digits[max(0, end - 8) : end] for end in range(len(digits), 0, -8)]
    assert parse_mask(",".join(reversed(words))) == units


@given(st.text(max_size=40))
def test_no_text_raises(text: str) -> None:
    assert parse_list(text) is None or min(parse_list(text) or {0}) >= 0
    assert parse_mask(text) is None or min(parse_mask(text) or {0}) >= 0
