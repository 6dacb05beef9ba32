from __future__ import annotations

import contextlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipexenv.errors import OutsideError
from ipexenv.reading import MalformedError
from ipexenv.transaction.journal import ChangedPackage, Journal, complete, read_journal, read_last, write_journal
from ipexenv.transaction.state import StateFolder
from tests.fakes import facts

if TYPE_CHECKING:
    from pathlib import Path

JOURNAL = Journal(
    identity="7",
    stage="changing",
    command="ipexenv install",
    started="2026-01-01T00:00:00",
    boot="b",
    packages=(
        ChangedPackage(name="torch", before="2.7.0", after="2.8.0"),
        ChangedPackage(name="x", before=None, after="1"),
    ),
    folders=("/v/lib/python3.11/site-packages",),
)


@pytest.fixture
def state(tmp_path: Path) -> StateFolder:
    (tmp_path / ".ipexenv").mkdir()
    return StateFolder.at(str(tmp_path))


def test_it_is_read_as_it_was_written(state: StateFolder) -> None:
    assert read_journal(state) is None
    write_journal(state, JOURNAL)
    assert read_journal(state) == JOURNAL
    assert [str(package) for package in JOURNAL.packages] == ["torch 2.7.0 -> 2.8.0", "x absent -> 1"]


def test_completing_makes_it_the_last(state: StateFolder) -> None:
    write_journal(state, JOURNAL)
    complete(state, JOURNAL)
    assert read_journal(state) is None
    assert read_last(state) == JOURNAL.at("done")
    assert {path.name for path in state.path.iterdir()} == {"last.json"}


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"format": 2}', '{"format": 1, "identity": 3}', "[" * 100_000])
def test_a_damaged_one_is_an_error_that_names_the_file(state: StateFolder, text: str) -> None:
    state.journal.write_text(text, encoding="utf-8")
    with pytest.raises(OutsideError, match="journal.json") as caught:
        read_journal(state)
    assert caught.value.code == "bad-journal"


@given(
    key=st.sampled_from(sorted(JOURNAL.as_mapping())), value=st.none() | st.integers() | st.text() | st.lists(st.text())
)
def test_nothing_but_malformed_comes_out(key: str, value: Any) -> None:
    row = JOURNAL.as_mapping() | {key: value}
    with contextlib.suppress(MalformedError):
        Journal.from_mapping(json.loads(json.dumps(row)), where="x")


def test_where_it_lies(tmp_path: Path) -> None:
    target = facts().target
    venv = replace(target, environment="venv", prefix="/env", site_packages="/env/lib/site-packages")
    assert str(StateFolder.of(venv).path) == "/env/.ipexenv"
    user = replace(venv, environment="user", site_packages="/home/me/site-packages")
    assert str(StateFolder.of(user).path) == "/home/me/site-packages/.ipexenv"
    assert StateFolder.at("/env").snapshot("7").name == "before-7"
