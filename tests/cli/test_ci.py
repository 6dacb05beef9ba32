"""`ci` as a job calls it: what it prints where, and its exit code."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from ipexenv.cli import main
from ipexenv.system.world import World

if TYPE_CHECKING:
    from pathlib import Path


def test_help_names_every_input(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["ci", "--help"])
    text = " ".join(capsys.readouterr().out.split())
    assert "torch python venv stack ccl lock sources allow-yanked verify cache working-directory version" in text
    assert "--key" in text
    assert "--init" in text


def test_the_key_alone_is_on_stdout_and_is_the_same_each_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    env = {"PATH": "/usr/bin:/bin", "IPEXENV_CI_TORCH": "2.8"}
    keys = set()
    for _ in range(2):
        assert main(["ci", "--key"], world=World(env=env, directory=tmp_path)) == 0
        keys.add(capsys.readouterr().out)
    (key,) = keys
    assert key.startswith("ipexenv-1-")
    other = {**env, "IPEXENV_CI_TORCH": "2.7"}
    assert main(["ci", "--key"], world=World(env=other, directory=tmp_path)) == 0
    assert capsys.readouterr().out != key


def test_a_bad_input_is_a_usage_error_in_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    world = World(env={"IPEXENV_CI_VERIFY": "maybe"}, directory=tmp_path)
    assert main(["ci", "--json"], world=world) == 2
    told = capsys.readouterr()
    document = json.loads(told.out)
    assert (document["exit_code"], document["problems"][0]["code"]) == (2, "bad-input")
    assert "the input verify cannot be 'maybe'" in told.err


def test_an_option_of_init_is_of_no_use_without_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ci", "--torch", "2.8"], world=World(env={}, directory=tmp_path)) == 2
    assert "--init" in capsys.readouterr().err
