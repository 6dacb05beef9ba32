from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

import pytest

from ipexenv.errors import UsageError
from ipexenv.probe.choice import TargetChoice, add_target_options, choose_target
from ipexenv.system.world import World

if TYPE_CHECKING:
    from pathlib import Path


def choose(directory: Path, *arguments: str, may_make: bool = False, **env: Any) -> TargetChoice:
    parser = argparse.ArgumentParser()
    add_target_options(parser)
    return choose_target(parser.parse_args(arguments), World(env=env, directory=directory), may_make=may_make)


def program(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o755)
    return str(path)


def test_a_path(tmp_path: Path) -> None:
    chosen = choose(tmp_path, "--python", "./bin/python3.11")
    assert chosen == TargetChoice(executable=str(tmp_path / "bin/python3.11"), how="--python")
    assert choose(tmp_path, "--python", "/opt/python").executable == "/opt/python"


def test_a_program_on_path(tmp_path: Path) -> None:
    python = program(tmp_path / "tools/python3.11")
    for text in ("python3.11", "3.11"):
        assert choose(tmp_path, "--python", text, PATH=str(tmp_path / "tools")).executable == python
    assert choose(tmp_path, "--python", "python3.12", PATH="/none").executable == str(tmp_path / "python3.12")


def test_an_environment_directory_as_python(tmp_path: Path) -> None:
    python = program(tmp_path / "env/bin/python3")
    assert choose(tmp_path, "--python", "env", PATH="").executable == python
    assert choose(tmp_path, "--python", str(tmp_path / "env"), PATH="").executable == python


def test_a_virtual_environment_need_not_exist(tmp_path: Path) -> None:
    chosen = choose(tmp_path, "--venv", "new", VIRTUAL_ENV="/other")
    assert chosen == TargetChoice(executable=str(tmp_path / "new/bin/python"), how="--venv", venv=str(tmp_path / "new"))


def test_a_home_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert choose(tmp_path, "--venv", "~/env").venv == str(tmp_path / "env")


def test_both_options_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        choose(tmp_path, "--venv", "a", "--python", "b")
    assert caught.value.code == "two-targets"


def test_both_options_name_an_environment_to_make_and_its_base(tmp_path: Path) -> None:
    chosen = choose(tmp_path, "--venv", "new", "--python", "/usr/bin/python3.9", may_make=True)
    assert chosen == TargetChoice(
        executable=str(tmp_path / "new/bin/python"), how="--venv", venv=str(tmp_path / "new"), base="/usr/bin/python3.9"
    )
    (tmp_path / "there").mkdir()
    (tmp_path / "there/pyvenv.cfg").touch()
    with pytest.raises(UsageError) as caught:
        choose(tmp_path, "--venv", "there", "--python", "/usr/bin/python3.9", may_make=True)
    assert caught.value.code == "two-targets"


def test_an_option_on_the_command_line_beats_one_set_elsewhere(tmp_path: Path) -> None:
    values = {"python": "/a/python", "venv": "/b"}

    def choose_with(**settings: str) -> TargetChoice:
        return choose_target(argparse.Namespace(**values, settings=settings), World(env={}, directory=tmp_path))

    assert choose_with(python="flag", venv="IPEXENV_VENV").how == "--python"
    assert choose_with(python="pyproject.toml", venv="flag").how == "--venv"
    with pytest.raises(UsageError):
        choose_with(python="IPEXENV_PYTHON", venv="IPEXENV_VENV")


def test_the_activated_environment_comes_first(tmp_path: Path) -> None:
    venv = program(tmp_path / "venv/bin/python")
    conda = program(tmp_path / "conda/bin/python")
    folders: dict[str, Any] = {"VIRTUAL_ENV": str(tmp_path / "venv"), "CONDA_PREFIX": str(tmp_path / "conda")}
    assert choose(tmp_path, **folders) == TargetChoice(executable=venv, how="VIRTUAL_ENV")
    folders.pop("VIRTUAL_ENV")
    assert choose(tmp_path, **folders) == TargetChoice(executable=conda, how="CONDA_PREFIX")


def test_a_stale_virtual_env_is_not_passed_over(tmp_path: Path) -> None:
    chosen = choose(tmp_path, VIRTUAL_ENV=str(tmp_path / "gone"))
    assert chosen == TargetChoice(executable=str(tmp_path / "gone/bin/python"), how="VIRTUAL_ENV")


def test_a_conda_environment_without_a_python_is(tmp_path: Path) -> None:
    python = program(tmp_path / "bin/python3")
    chosen = choose(tmp_path, CONDA_PREFIX=str(tmp_path / "conda"), PATH=str(tmp_path / "bin"))
    assert chosen == TargetChoice(executable=python, how="python3 on PATH")


def test_python_without_a_three(tmp_path: Path) -> None:
    python = program(tmp_path / "bin/python")
    assert choose(tmp_path, PATH=str(tmp_path / "bin")) == TargetChoice(executable=python, how="python on PATH")


def test_the_own_python_is_the_last_resort(tmp_path: Path) -> None:
    chosen = choose(tmp_path, PATH=str(tmp_path / "nothing"))
    assert chosen == TargetChoice(executable=sys.executable, how="the Python that runs ipexenv")
