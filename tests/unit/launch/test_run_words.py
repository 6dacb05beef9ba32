"""The script's words are its own, whatever they look like."""

from __future__ import annotations

import argparse

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipexenv import cli
from ipexenv.commands import run as command
from ipexenv.errors import UsageError
from ipexenv.launch.run_words import WITH_VALUE, Started, divide, started


@pytest.mark.parametrize(
    ("words", "own", "program"),
    [
        (["run", "train.py", "--json"], ["run"], ["train.py", "--json"]),
        (["-v", "run", "-n", "2", "train.py", "-n", "3"], ["-v", "run", "-n", "2"], ["train.py", "-n", "3"]),
        (["run", "--env=A=b", "-m", "pkg.train", "-q"], ["run", "--env=A=b"], ["-m", "pkg.train", "-q"]),
        (["run", "--hosts", "a,b", "--", "sh", "-c", "x"], ["run", "--hosts", "a,b"], ["--", "sh", "-c", "x"]),
        (["run", "--explain", "--dry-run"], ["run", "--explain", "--dry-run"], []),
        (["run", "--log-dir"], ["run", "--log-dir"], []),
    ],
)
def test_the_scripts_words_begin_with_its_name(words: list[str], own: list[str], program: list[str]) -> None:
    assert divide(words) == (own, program)


@given(st.lists(st.text(max_size=4)))
def test_what_stands_after_the_script_is_never_ours(words: list[str]) -> None:
    assert divide(["run", "--explain", "train.py", *words]) == (["run", "--explain"], ["train.py", *words])


def test_all_options_with_a_value_are_known() -> None:
    parser = argparse.ArgumentParser()
    cli._add_common(parser)
    command.add_options(parser)
    with_value = {word for action in parser._actions if action.nargs != 0 for word in action.option_strings}
    assert with_value == WITH_VALUE


def test_what_is_started() -> None:
    assert started(["train.py", "a"]).command("/p") == ("/p", "train.py", "a")
    assert started(["-m", "train", "a"]).command("/p") == ("/p", "-m", "train", "a")
    assert started(["--", "sh", "a"]) == Started(kind="program", words=("sh", "a"))
    assert started(["--", "sh", "a"]).command("/p") == ("sh", "a")


@pytest.mark.parametrize("words", [[], ["-m"], ["--"]])
def test_nothing_to_run_is_a_usage_error(words: list[str]) -> None:
    with pytest.raises(UsageError, match="nothing to run is named"):
        started(words)
