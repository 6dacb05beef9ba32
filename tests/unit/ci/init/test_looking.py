from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ipexenv.ci.init.git import find_repository
from ipexenv.errors import UsageError
from tests.unit.ci.init.projects import init, put, repository, with_lock, with_torch

if TYPE_CHECKING:
    from pathlib import Path

PYTHONS = '[project]\nname = "x"\nversion = "1"\nrequires-python = "{}"\n'


def test_an_empty_folder_gets_the_newest_that_fits(tmp_path: Path) -> None:
    data, warnings = init(tmp_path, "github")
    assert (data["python"], data["torch"], data["stack"], data["lock"], data["tests"]) == (
        "3.12",
        None,
        None,
        None,
        False,
    )
    assert warnings == []


@pytest.mark.parametrize(
    ("wanted", "words", "python"),
    [
        (">=3.10", (), "3.12"),
        ("<3.12", (), "3.11"),
        (">=3.13", (), "3.13"),
        ("~=3.10.4", (), "3.10"),
        ("<=3.11", (), "3.11"),
        (">=3.14", ("--torch", "2.13"), "3.14"),
        (">=3.8", ("--torch", "1.13.0"), "3.10"),
    ],
)
def test_the_python_has_wheels_and_is_one_that_the_project_allows(
    tmp_path: Path, wanted: str, words: tuple[str, ...], python: str
) -> None:
    put(tmp_path, pyproject_dot_toml=PYTHONS.format(wanted))
    assert init(tmp_path, "github", *words)[0]["python"] == python


def test_no_python_is_an_error_with_both_sides(tmp_path: Path) -> None:
    put(tmp_path, pyproject_dot_toml=PYTHONS.format(">=3.14"))
    with pytest.raises(UsageError) as caught:
        init(tmp_path, "github")
    assert caught.value.code == "no-python"
    assert "pyproject.toml wants Python >=3.14" in caught.value.causes
    assert list(tmp_path.iterdir()) == [tmp_path / "pyproject.toml"]


@pytest.mark.parametrize(
    ("version", "venv", "torch", "stack"),
    [
        ("2.8.0+cpu", ".venv", "2.8.0", None),
        ("2.13.0", "venv", "2.13.0", "native"),
        ("9.9.0", "env", "9.9.0", "native"),
    ],
)
def test_the_installed_torch_is_kept(tmp_path: Path, version: str, venv: str, torch: str, stack: str | None) -> None:
    data, _ = init(with_torch(tmp_path, version, venv), "github")
    assert (data["torch"], data["stack"]) == (torch, stack)


def test_the_active_environment_comes_first_and_a_request_before_that(tmp_path: Path) -> None:
    with_torch(tmp_path, "2.7.0")
    active = with_torch(tmp_path / "elsewhere", "2.6.0", "active") / "active"
    assert init(tmp_path, "azure", VIRTUAL_ENV=str(active))[0]["torch"] == "2.6.0"
    assert init(tmp_path, "azure", "--force", "--torch", "2.8.*", VIRTUAL_ENV=str(active))[0]["torch"] == "2.8"


def test_a_withdrawn_pair_is_said(tmp_path: Path) -> None:
    _, warnings = init(tmp_path, "github", "--torch", "2.5")
    assert [warning for warning in warnings if "was withdrawn" in warning and "IPEXENV_CI_ALLOW_YANKED" in warning]


def test_a_lock_decides_alone(tmp_path: Path) -> None:
    with_torch(with_lock(tmp_path, "3.10", "3.11"), "2.6.0")
    data, warnings = init(tmp_path, "github")
    assert (data["lock"], data["python"], data["torch"], warnings) == ("pylock.toml", "3.11", None, [])
    with pytest.raises(UsageError, match="contradict each other"):
        init(tmp_path, "github", "--force", "--torch", "2.8")


@pytest.mark.parametrize(
    "text", ['lock-version = "1.0"\ncreated-by = "uv"\npackages = []\n', "half = ", "[project]\nname = 1"]
)
def test_a_lock_of_somebody_else_is_passed_over(tmp_path: Path, text: str) -> None:
    (tmp_path / "pylock.toml").write_text(text, encoding="utf-8")
    data, warnings = init(tmp_path, "gitlab")
    assert data["lock"] is None
    assert any("the lock is passed over" in warning for warning in warnings)


def test_a_lock_for_pythons_that_ipexenv_does_not_run_on_is_passed_over(tmp_path: Path) -> None:
    data, warnings = init(with_lock(tmp_path, "3.8"), "github")
    assert data["lock"] is None
    assert any("older than 3.10" in warning for warning in warnings)


@pytest.mark.parametrize("text", ["half = ", "a = " + "[" * 5000, '[project]\nrequires-python = "whatever"\n'])
def test_a_broken_pyproject_is_said_and_passed_over(tmp_path: Path, text: str) -> None:
    put(tmp_path, pyproject_dot_toml=text)
    data, warnings = init(tmp_path, "github")
    assert data["python"] == "3.12"
    assert len(warnings) == 1


@pytest.mark.parametrize("text", ["[project]\nrequires-python = 3\n", "project = 1\ntool = 2\n", "[[project]]\n"])
def test_odd_but_readable_metadata_does_no_harm(tmp_path: Path, text: str) -> None:
    put(tmp_path, pyproject_dot_toml=text)
    assert init(tmp_path, "github")[0]["python"] == "3.12"


@pytest.mark.parametrize(
    ("files", "tests"),
    [
        ({"tests__test_a_dot_py": ""}, True),
        ({"test__test_a_dot_py": ""}, True),
        ({"tests__data_dot_py": ""}, False),
        ({"pyproject_dot_toml": "[tool.pytest.ini_options]\n"}, True),
        ({}, False),
    ],
)
def test_tests_are_found(tmp_path: Path, files: dict[str, Any], tests: bool) -> None:  # noqa: FBT001 (a parameter of the test)
    assert init(put(tmp_path, **files), "github")[0]["tests"] is tests


def test_git_s_own_files_name_branch_and_project(tmp_path: Path) -> None:
    for number, url in enumerate(
        ("git@example.com:team/proj.git", "https://example.com/team/proj/", "/srv/git/proj.git")
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        found = find_repository(repository(folder, branch="trunk", url=url))
        assert found is not None
        assert (found.top, found.branch, found.name) == (folder, "trunk", "proj")


def test_a_repository_that_was_never_cloned_has_the_branch_of_its_head(tmp_path: Path) -> None:
    found = find_repository(repository(tmp_path, branch="first", cloned=False))
    assert found is not None
    assert (found.branch, found.name) == ("first", None)


def test_a_further_work_tree_has_its_data_elsewhere(tmp_path: Path) -> None:
    main, tree = tmp_path / "main", tmp_path / "tree"
    main.mkdir()
    tree.mkdir()
    repository(main, branch="trunk", url="https://example.com/proj.git")
    data = main / ".git" / "worktrees" / "tree"
    data.mkdir(parents=True)
    (data / "HEAD").write_text("ref: refs/heads/side\n")
    (data / "commondir").write_text("../..\n")
    (tree / ".git").write_text(f"gitdir: {data}\n")
    found = find_repository(tree)
    assert found is not None
    assert (found.top, found.branch, found.name) == (tree, "trunk", "proj")


def test_without_git_there_is_none(tmp_path: Path) -> None:
    (tmp_path / ".git").write_text("no git file\n")
    found = find_repository(tmp_path)
    assert found is None or found.top != tmp_path
