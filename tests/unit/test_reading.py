from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from ipexenv.reading import MalformedError, Reader


def reader(**row: Any) -> Reader:
    return Reader(row, where="file.toml [[row]] 1.0")


def test_values_come_out_typed() -> None:
    r = reader(a="x", b=True, c=3, d=["x"], e="2.8.0", f="1.12.*", g={"k": 1}, h=2.5, i=[1, 2])
    assert (r.text("a"), r.flag("b"), r.integer("c"), r.texts("d")) == ("x", True, 3, ("x",))
    assert r.version("e") == Version("2.8.0")
    assert r.specifier("f") == SpecifierSet("==1.12.*")
    assert r.table("g") == {"k": 1}
    assert r.maybe_number("h") == 2.5
    assert r.maybe_number("c") == 3.0
    assert r.integers("i") == (1, 2)
    r.finish()


def test_absent_values_are_none_or_the_default() -> None:
    r = reader()
    assert (r.maybe_text("a"), r.maybe_flag("a"), r.maybe_integer("a"), r.maybe_number("a")) == (None,) * 4
    assert (r.maybe_version("a"), r.maybe_texts("a"), r.maybe_table("a")) == (None,) * 3
    assert r.text("a", "d") == "d"
    assert r.flag("a", default=False) is False
    assert r.texts("a", ("x",)) == ("x",)
    assert r.versions("a", ["1.0"]) == (Version("1.0"),)
    assert r.integers("a", (1,)) == (1,)
    assert r.specifier("a", "<2") == SpecifierSet("<2")


@pytest.mark.parametrize(
    ("row", "take", "complaint"),
    [
        ({}, lambda r: r.text("torch"), "torch is missing"),
        ({"torch": 3}, lambda r: r.text("torch"), "torch is 3, expected a string"),
        ({"n": True}, lambda r: r.integer("n"), "n is True, expected an integer"),
        ({"n": "many"}, lambda r: r.maybe_number("n"), "n is 'many', expected a number"),
        ({"v": "two"}, lambda r: r.version("v"), "v is 'two', expected a version"),
        ({"v": "=>2"}, lambda r: r.specifier("v"), "v is '=>2', expected a version range"),
        ({"l": ["a", 1]}, lambda r: r.texts("l"), "l is 1, expected a list of strings"),
        ({"l": [True]}, lambda r: r.integers("l"), "l is True, expected a list of integers"),
        ({"c": "red"}, lambda r: r.choice("c", ("blue", "green")), "c is 'red', expected one of blue, green"),
        ({"tocrh": "2.8"}, lambda r: r.finish(), "unknown key 'tocrh'"),
    ],
)
def test_complaints_name_place_key_and_value(row: dict[str, Any], take: Any, complaint: str) -> None:
    with pytest.raises(MalformedError) as caught:
        take(Reader(row, where="file.toml [[row]] 1.0"))
    assert str(caught.value) == f"file.toml [[row]] 1.0: {complaint}"


def test_a_row_that_is_no_table_is_refused() -> None:
    with pytest.raises(MalformedError, match="facts.json: expected a table, found \\[\\]"):
        Reader([], where="facts.json")  # type: ignore[arg-type]  # that is the point


@given(
    st.dictionaries(st.sampled_from(["k"]), st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.text()))
)
def test_whatever_stands_there_only_malformed_error_comes_out(row: dict[str, Any]) -> None:
    for take in (
        "text",
        "flag",
        "integer",
        "texts",
        "version",
        "specifier",
        "table",
        "integers",
        "versions",
        "maybe_number",
    ):
        try:
            getattr(Reader(row, where="w"), take)("k")
        except MalformedError as error:
            assert str(error).startswith("w: ")  # noqa: PT017 (either outcome is right)
