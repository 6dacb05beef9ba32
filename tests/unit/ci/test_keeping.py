"""What lies where the environment goes is used, made anew, or the user's own and left alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ipexenv.ci.inputs import CiInputs
from ipexenv.ci.keeping import NoneThereError, Place, clear, keep, place_of, reuse
from ipexenv.ci.tree import UntrustworthyError
from ipexenv.errors import OutsideError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

ANSWER: dict[str, Any] = {"data": {"torch": "2.8.0"}}


def place(folder: Path, *, named: bool = False, stored_as: str = "") -> Place:
    return Place(venv=folder / "venv", manifest=folder / "manifest.json", is_named=named, stored_as=stored_as)


def test_what_was_kept_is_used_again_under_its_key_alone(tmp_path: Path) -> None:
    here = place(tmp_path)
    clear(here)
    digest = keep(here, "key", ANSWER)
    assert reuse(here, "key").answer == ANSWER
    assert reuse(place(tmp_path, stored_as=f"key-{digest}-1-1"), "key").answer == ANSWER
    with pytest.raises(NoneThereError, match="another key"):
        reuse(here, "other")
    with pytest.raises(UntrustworthyError, match="not the one"):
        reuse(place(tmp_path, stored_as=f"key-{'0' * 64}-1-1"), "key")
    with pytest.raises(UntrustworthyError, match="another key"):
        reuse(place(tmp_path, stored_as="key-none"), "key")


def test_nothing_there_is_no_sign_of_harm(tmp_path: Path) -> None:
    with pytest.raises(NoneThereError):
        reuse(place(tmp_path), "key")


def test_an_environment_without_manifest_and_the_other_way_round_is_refused(tmp_path: Path) -> None:
    here = place(tmp_path)
    clear(here)
    with pytest.raises(UntrustworthyError, match="manifest cannot be read"):
        reuse(here, "key")
    keep(here, "key", ANSWER)
    here.venv.rename(tmp_path / "gone")
    with pytest.raises(UntrustworthyError, match="is no folder"):
        reuse(here, "key")


def test_clear_takes_the_manifest_with_it_and_follows_no_link(tmp_path: Path) -> None:
    here, outside = place(tmp_path), tmp_path / "outside"
    outside.mkdir()
    (outside / "file").touch()
    here.venv.symlink_to(outside)
    here.manifest.write_text("{}")
    clear(here)
    assert (outside / "file").exists()
    assert not here.manifest.exists()
    assert [entry.name for entry in here.venv.iterdir()] == [".ipexenv"]


def test_the_user_s_own_environment_is_never_taken_away(tmp_path: Path) -> None:
    (tmp_path / "venv").mkdir()
    assert not place(tmp_path, named=True).is_ours
    assert place(tmp_path, named=True, stored_as="key-1").is_ours
    assert place(tmp_path).is_ours
    clear(place(tmp_path))
    assert place(tmp_path, named=True).is_ours
    assert place(tmp_path / "none", named=True).is_ours


@pytest.mark.parametrize("name", [".", "..", "/", "sub/..", "../project"])
def test_a_folder_that_holds_the_project_is_refused(name: str, tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    with pytest.raises(UsageError, match="the input venv cannot be"):
        place_of(CiInputs(venv=name, venv_is_named=True), tmp_path, project, stored_as="")


def test_names_begin_in_the_working_directory(tmp_path: Path) -> None:
    found = place_of(CiInputs(venv="a/../own", venv_is_named=True), tmp_path / "t", tmp_path / "p", stored_as=" ")
    assert (found.venv, found.manifest) == (tmp_path / "p" / "own", tmp_path / "t" / "manifest.json")


def test_what_cannot_be_cleared_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutsideError, match="cannot be made anew"):
        clear(Place(venv=tmp_path / "file" / "venv", manifest=tmp_path / "m.json"))
