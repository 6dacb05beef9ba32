from __future__ import annotations

import json

import pytest

from ipexenv.launch.precedence import (
    APPLIED,
    added_to,
    applied,
    disagreements,
    prefixed,
    settled,
    users_own,
    without_applied,
)
from ipexenv.launch.setting import Setting

THREADS = Setting(name="OMP_NUM_THREADS", value="24", reason="cores")


def test_the_users_value_stays_with_a_note() -> None:
    own = {"OMP_NUM_THREADS": "8"}
    (setting,) = settled([THREADS], own)
    assert (setting.value, setting.by_user) == ("8", True)
    assert disagreements([THREADS], own) == ("OMP_NUM_THREADS=8 is yours and stays; 24 would be chosen: cores",)


def test_the_same_value_is_the_users_without_a_note() -> None:
    own = {"OMP_NUM_THREADS": "24"}
    assert settled([THREADS], own)[0].by_user
    assert disagreements([THREADS], own) == ()


def test_lists_have_room_for_both() -> None:
    setting = Setting(name="LD_LIBRARY_PATH", value="/ours:/mine", reason="")
    assert settled([setting], {"LD_LIBRARY_PATH": "/mine"}) == (setting,)
    assert disagreements([setting], {"LD_LIBRARY_PATH": "/mine"}) == ()


@pytest.mark.parametrize(
    ("entries", "current", "expected"),
    [
        (["/a"], "", "/a"),
        (["/a", "/b"], "/c", "/a:/b:/c"),
        (["/a", "/b"], "/b:/c:/a", "/a:/b:/c"),
        (["/a", "/a"], "::/c:", "/a:/c"),
    ],
)
def test_entries_stand_in_front_once(entries: list[str], current: str, expected: str) -> None:
    assert prefixed(entries, current) == expected


def record(**values: str) -> str:
    return json.dumps(values)


def test_what_ipexenv_left_is_not_the_users() -> None:
    env = {
        "OMP_NUM_THREADS": "24",
        "KMP_BLOCKTIME": "7",
        "MINE": "1",
        "EMPTY": "",
        "LD_LIBRARY_PATH": "/ours:/mine",
        "PATH": "/ours/bin",
        APPLIED: record(OMP_NUM_THREADS="24", KMP_BLOCKTIME="1", LD_LIBRARY_PATH="/ours", PATH="/ours/bin", GONE="1"),
    }
    before = {"KMP_BLOCKTIME": "7", "MINE": "1", "EMPTY": "", "LD_LIBRARY_PATH": "/mine"}
    assert without_applied(env) == before  # KMP_BLOCKTIME was changed since then
    assert users_own(env) == {name: value for name, value in before.items() if value}


@pytest.mark.parametrize("text", ["", "rubbish", "[1]", "1", '{"A": 1}', "[" * 100000])
def test_rubbish_in_the_record_is_nothing(text: str) -> None:
    assert applied({APPLIED: text}) == {}


def test_what_was_added_to_a_list() -> None:
    assert added_to("/a:/b:/c", "/c:/d") == "/a:/b"
