"""Whatever comes out of a TOML or JSON file: the reader returns the right type or raises MalformedError."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from packaging.version import Version

from ipexenv.reading import MalformedError, Reader
from ipexenv.tables.load import load_tables
from ipexenv.tables.mapping import row_as_mapping

FromMapping = Callable[..., Any]
TABLES = load_tables()
GOOD_ROWS: list[tuple[FromMapping, dict[str, Any]]] = [
    (type(row).from_mapping, row_as_mapping(row))
    for row in (
        TABLES.ipex[-1],
        TABLES.oneccl[-1],
        TABLES.torch[-1],
        TABLES.bridge[-1],
        TABLES.flags[0],
        TABLES.frameworks[0],
        TABLES.sources[0],
    )
]

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12)
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner))
METHODS = (
    "text",
    "maybe_text",
    "flag",
    "maybe_flag",
    "integer",
    "maybe_integer",
    "maybe_number",
    "texts",
    "maybe_texts",
    "integers",
    "version",
    "maybe_version",
    "versions",
    "specifier",
    "table",
    "maybe_table",
)


# A busy machine must not turn a right answer into a failure.
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def complaint(read: Callable[[], object]) -> str | None:
    """Return the complaint about a value, None where it was taken; any other error fails the test."""
    try:
        read()
    except MalformedError as error:
        return str(error)
    return None


@patient
@given(value=values, method=st.sampled_from(METHODS))
def test_a_value_is_read_or_refused_and_nothing_else(value: Any, method: str) -> None:
    reader = Reader({"key": value}, where="row")
    text = complaint(lambda: getattr(reader, method)("key"))
    assert text is None or text.startswith("row: key is ")
    reader.finish()


@patient
@given(row=values.filter(lambda value: not isinstance(value, dict)))
def test_what_is_not_a_table_is_refused(row: Any) -> None:
    assert (complaint(lambda: Reader(row, where="row")) or "").startswith("row: expected a table, found ")


@patient
@given(good=st.sampled_from(GOOD_ROWS), data=st.data(), value=values)
def test_one_wrong_value_in_a_row_never_escapes_as_another_error(
    good: tuple[FromMapping, dict[str, Any]], data: st.DataObject, value: Any
) -> None:
    from_mapping, row = good
    key = data.draw(st.sampled_from([*row, "no such key"]))
    text = complaint(lambda: from_mapping({**row, key: value}, where="row"))
    assert text is None or key in text


@patient
@given(parts=st.lists(st.integers(0, 999), min_size=1, max_size=4))
def test_versions_survive_the_way_there_and_back(parts: list[int]) -> None:
    text = ".".join(map(str, parts))
    assert Reader({"key": text}, where="row").version("key") == Version(text)
    assert Reader({"key": text}, where="row").specifier("key").contains(text)


@pytest.mark.parametrize(("method", "value"), [("version", "9" * 5000), ("maybe_number", 10**400)])
def test_numbers_beyond_all_bounds_are_refused_like_any_other_wrong_value(method: str, value: object) -> None:
    assert complaint(lambda: getattr(Reader({"key": value}, where="row"), method)("key")) is not None
