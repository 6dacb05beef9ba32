"""What is written for GitHub's runner says what it should, and nothing in it is taken for a command."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipexenv.ci import github
from ipexenv.errors import UsageError
from tests.integration.workflow_runner import entries


def test_an_annotation_is_one_line() -> None:
    line = github.annotation("error", "50 %\nof: it, all", title="a: b, c\r\n::d")
    assert line == "::error title=a%3A b%2C c%0D%0A%3A%3Ad::50 %25%0Aof: it, all\n"


def test_groups_and_masks() -> None:
    assert github.group("one\ntwo") + github.END_GROUP == "::group::one%0Atwo\n::endgroup::\n"
    assert github.mask("s3cr%t") == "::add-mask::s3cr%25t\n"


def test_what_somebody_else_said_stands_where_no_command_holds() -> None:
    said = github.quoted("::set-output name=a::b\n::error::no", token="t0k")
    assert said == "::stop-commands::t0k\n::set-output name=a::b\n::error::no\n::t0k::\n"
    assert github.quoted("", token="t0k") == "::stop-commands::t0k\n::t0k::\n"


@given(st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"], include_characters="\n")))
def test_any_value_comes_back_and_brings_no_other(value: str) -> None:
    text = github.entry("first", value) + github.entry("second", "2")
    assert entries(text) == {"first": value.rstrip("\n") if value.strip("\n") == "" else value, "second": "2"}


@pytest.mark.parametrize("bad", ["", "a b", "a=b", "a<<b", "a\nb", "1a"])
def test_a_name_that_would_say_something_else_is_refused(bad: str) -> None:
    with pytest.raises(UsageError):
        github.entry(bad, "x")
