"""Scanning: what is found does not depend on how the log is cut, and nothing breaks it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipexenv.doctor.scanning import CARRIED_BYTES, KEPT_LINES, MOST_COUNTED, TAIL_BYTES, scan
from ipexenv.errors import TableError
from ipexenv.tables.failures import Failure


def failure(name: str, *patterns: str, **more: Any) -> Failure:
    row = {
        "id": name,
        "stage": "import",
        "severity": "fatal",
        "patterns": list(patterns),
        "cause": f"{name} happened",
        "cure": "mend it",
        "source": ["a test"],
        "confidence": "measured",
        **more,
    }
    return Failure.from_mapping(row, where=name)


RED = failure("red", "red (?P<what>[a-z]+)")
SPLIT = failure("split", r"begins\s+ends")
KNOWN = (RED, SPLIT)


def test_a_sighting_names_lines_from_one_and_fills_groups() -> None:
    found = scan([b"fine\na red apple\nfine\n"], KNOWN)
    (sighting,) = found.sightings
    assert (sighting.failure.id, sighting.count, sighting.groups) == ("red", 1, {"what": "apple"})
    assert [(line.number, line.text) for line in sighting.lines] == [(2, "a red apple")]
    assert found.lines == 3


def test_the_first_lines_are_kept_and_the_others_counted() -> None:
    found = scan([b"red a\n" * 10], KNOWN)
    assert found.sightings[0].count == 10
    assert [line.number for line in found.sightings[0].lines] == [1, 2, 3]
    assert len(found.sightings[0].lines) == KEPT_LINES


def test_counting_ends_where_it_tells_nothing_more() -> None:
    block = b"red a\n" * 1000
    found = scan([block] * 30, KNOWN)
    assert MOST_COUNTED <= found.sightings[0].count < MOST_COUNTED + 1000 + CARRIED_BYTES
    assert found.lines == 30_000


def test_a_pattern_may_span_two_lines_and_the_border_of_two_blocks() -> None:
    filling = b"x" * 70 + b"\n"
    found = scan([filling * 9000 + b"it begins\n", b"ends here\n"], KNOWN)
    (sighting,) = found.sightings
    assert (sighting.count, sighting.lines[0].number) == (1, 9001)


def test_a_line_without_end_is_looked_at() -> None:
    found = scan([b"no newline: red pear"], KNOWN)
    assert found.sightings[0].groups == {"what": "pear"}
    assert found.lines == 1


def test_a_log_of_one_enormous_line_needs_no_more_memory() -> None:
    found = scan((b"y" * 65536 for _ in range(200)), KNOWN)
    assert found.sightings == ()
    assert sum(len(line.text) for line in found.tail) <= TAIL_BYTES


def test_bytes_that_are_no_text_do_no_harm() -> None:
    found = scan([b"\xff\xfe\x00red \x00\n", b"\x80red fox\xff\n"], KNOWN)
    assert found.sightings[0].groups == {"what": "fox"}


def test_of_a_progress_bar_the_state_that_matched_is_shown() -> None:
    found = scan([b"fine\n" + b"\r".join(b"%d%% red apple" % done for done in (7, 8, 9)) + b"\rdone\n"], KNOWN)
    assert [(line.number, line.text) for line in found.sightings[0].lines] == [
        (2, "7% red apple"),
        (2, "8% red apple"),
        (2, "9% red apple"),
    ]
    assert found.tail[-1].text == "done"


def test_of_an_enormous_line_what_is_around_the_match_is_shown() -> None:
    found = scan([b"x " * 50_000 + b"red apple" + b" y" * 50_000], KNOWN)
    (line,) = found.sightings[0].lines
    assert "red apple" in line.text
    assert len(line.text) <= 2000


def test_colours_stand_in_no_ones_way() -> None:
    found = scan([b"\x1b]0;a title\x07\x1b[1;31mred\x1b[0m \x1b[38;5;9mapple\x1b(B\x1b[m\n"], KNOWN)
    assert [line.text for line in found.sightings[0].lines] == ["red apple"]


def test_nothing_that_is_shown_gives_orders_to_the_terminal() -> None:
    found = scan([b"a red apple\x08\x08\x9b2J \x07bell\x1b\n\x1bc\x00end\n"], KNOWN)
    texts = [line.text for line in (*found.sightings[0].lines, *found.tail)]
    assert not [text for text in texts if any(ord(letter) < 32 or 127 <= ord(letter) < 160 for letter in text)]


def test_the_end_of_the_log_is_kept_with_its_numbers() -> None:
    found = scan([b"one\ntwo\n", b"three\n"], KNOWN)
    assert [(line.number, line.text) for line in found.tail] == [(1, "one"), (2, "two"), (3, "three")]


def test_a_pattern_that_re2_does_not_take_is_named() -> None:
    with pytest.raises(TableError, match=r"odd.*no pattern of RE2"):
        scan([], [failure("odd", "(?=ahead)")])


@given(
    lines=st.lists(st.sampled_from(["fine", "a red apple", "it begins", "ends now", "", "red 7", "x" * 300])),
    cuts=st.lists(st.integers(min_value=1, max_value=700), max_size=40),
)
def test_what_is_found_does_not_depend_on_the_cuts(lines: list[str], cuts: list[int]) -> None:
    data = "\n".join(lines).encode()
    pieces, rest = [], data
    for cut in cuts:
        pieces.append(rest[:cut])
        rest = rest[cut:]
    found = scan([*pieces, rest], KNOWN)
    for sighting in found.sightings:
        expected = list(re.finditer(sighting.failure.patterns[0].encode(), data))
        assert sighting.count == len(expected)
        assert sighting.lines[0].number == data.count(b"\n", 0, expected[0].start()) + 1
    missing = {known.id for known in KNOWN} - {sighting.failure.id for sighting in found.sightings}
    assert not any(re.search(known.patterns[0].encode(), data) for known in KNOWN if known.id in missing)
