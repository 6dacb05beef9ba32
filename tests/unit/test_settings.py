from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

import pytest

from ipexenv.errors import UsageError
from ipexenv.settings import Settings, apply_settings

if TYPE_CHECKING:
    from pathlib import Path


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--stack", choices=["ipex", "native"], default="ipex")
    parser.add_argument("--allow-yanked", action="store_true")
    parser.add_argument("--nproc", type=int, default=2)
    parser.add_argument("--source", action="append", default=[])
    return parser


def test_the_flag_wins_over_variable_over_project_over_default(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.ipexenv]\nstack = "native"\nallow-yanked = true\nnproc = 3\n')
    settings = Settings.find({"IPEXENV_STACK": "ipex", "IPEXENV_NPROC": "4"}, tmp_path / "sub" / "sub")
    options = apply_settings(parser(), ["--nproc", "5"], settings)
    assert (options.stack, options.allow_yanked, options.nproc, options.source) == ("ipex", True, 5, [])
    assert options.settings == {
        "stack": "IPEXENV_STACK",
        "allow_yanked": "pyproject.toml",
        "nproc": "flag",
        "source": "default",
    }


def test_a_repeated_flag_replaces_the_variable() -> None:
    settings = Settings(env={"IPEXENV_SOURCE": "a b"})
    assert apply_settings(parser(), [], settings).source == ["a", "b"]
    assert apply_settings(parser(), ["--source", "c", "--source=d"], settings).source == ["c", "d"]


def test_a_switch_can_be_turned_off_by_variable() -> None:
    settings = Settings(env={"IPEXENV_ALLOW_YANKED": "off"}, project={"allow_yanked": True}, project_file="p")
    assert apply_settings(parser(), [], settings).allow_yanked is False


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (Settings(env={"IPEXENV_STACK": "gpu"}), "IPEXENV_STACK sets --stack to 'gpu', expected one of ipex, native"),
        (Settings(env={"IPEXENV_ALLOW_YANKED": "maybe"}), "IPEXENV_ALLOW_YANKED sets --allow-yanked to 'maybe'"),
        (
            Settings(project={"nproc": "two"}, project_file="p.toml"),
            r"\[tool.ipexenv\] of p.toml sets --nproc to 'two'",
        ),
        (Settings(project={"source": 3}, project_file="p.toml"), "sets --source to 3, expected a list"),
    ],
)
def test_a_bad_setting_names_where_it_stands(settings: Settings, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        apply_settings(parser(), [], settings)


def test_a_pyproject_that_is_no_toml_is_named(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.ipexenv\n")
    with pytest.raises(UsageError, match="pyproject.toml is not valid TOML"):
        Settings.find({}, tmp_path)


def test_a_table_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool]\nipexenv = 3\n")
    with pytest.raises(UsageError, match="expected a table"):
        Settings.find({}, tmp_path)


def test_a_project_that_does_not_speak_of_ipexenv_sets_nothing(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[project]\nname='x'\n")
    assert Settings.find({}, tmp_path).project == {}
