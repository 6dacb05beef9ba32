"""What is asked for is told as exactly as can be without asking anybody, wherever it was said."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from ipexenv.ci.asked import BEARING, identify
from ipexenv.ci.inputs import CiInputs
from ipexenv.ci.key import cache_key
from ipexenv.cli import parse_words
from ipexenv.errors import OutsideError, UsageError
from ipexenv.system.world import World

if TYPE_CHECKING:
    from pathlib import Path

NOT_BEARING = {
    "settings", "program", "json", "quiet", "verbose",  # how it is said
    "python", "venv", "tables", "from_lock",  # parts of the identity by themselves
    "dry_run", "verify", "keep", "lock_wait", "cache_dir", "no_cache", "allow_insecure",  # how it is done
}  # fmt: skip


def key(folder: Path, venv: str = "/t/v", more: tuple[str, ...] = (), **inputs: object) -> str:
    wanted = CiInputs(venv=venv, **inputs)  # type: ignore[arg-type]
    world = World(directory=folder, env={"PATH": "/usr/bin:/bin"})
    return cache_key(identify(wanted, venv, world, more)[0])


def test_every_option_of_install_is_thought_of(tmp_path: Path) -> None:
    _command, options = parse_words(("install",), World(directory=tmp_path, env={}))
    assert set(vars(options)) == set(BEARING) | NOT_BEARING


def test_the_same_is_the_same_and_another_is_another(tmp_path: Path) -> None:
    usual = key(tmp_path)
    assert usual == key(tmp_path, verify="strict", cache=True)
    others = [
        key(tmp_path, torch="2.7"), key(tmp_path, stack="native"), key(tmp_path, ccl="none"), key(tmp_path, "/t/w"),
        key(tmp_path, allow_yanked=True), key(tmp_path, sources=("https://a.example/",)),
        key(tmp_path, more=("--allow-torch-change",)),
    ]  # fmt: skip
    assert len({usual, *others}) == 8


def test_a_setting_of_the_project_counts_and_credentials_do_not(tmp_path: Path) -> None:
    usual = key(tmp_path)
    secrets = {key(tmp_path, sources=(f"https://ci:{secret}@a.example/",)) for secret in ("one", "two")}
    assert len(secrets) == 1
    (tmp_path / "pyproject.toml").write_text('[tool.ipexenv]\ntorch = "2.7"\n')
    assert key(tmp_path) != usual


def test_a_lock_counts_by_its_text(tmp_path: Path) -> None:
    lock = tmp_path / "pylock.toml"
    lock.write_text("one")
    first = key(tmp_path, lock="pylock.toml")
    lock.write_text("two")
    assert key(tmp_path, lock="pylock.toml") != first
    with pytest.raises(UsageError, match="cannot be read"):
        key(tmp_path, lock="none.toml")


def test_the_interpreter_is_the_named_one(tmp_path: Path) -> None:
    wanted = CiInputs(venv="/t/v", python=sys.executable)
    identity, facts = identify(wanted, "/t/v", World(directory=tmp_path), ())
    assert ".".join(map(str, sys.version_info[:3])) in identity.python
    assert facts.target.prefix == "/t/v"
    with pytest.raises(OutsideError, match="cannot be started"):
        identify(CiInputs(venv="/t/v", python="/none/python"), "/t/v", World(directory=tmp_path), ())


def test_what_the_tables_do_not_know_is_for_the_sources_to_say(tmp_path: Path) -> None:
    wanted = CiInputs(venv="/t/v", torch="0.1")
    identity, _facts = identify(wanted, "/t/v", World(directory=tmp_path), ())
    assert identity.decision == ()


def test_a_value_that_cannot_be_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        key(tmp_path, stack="other")
