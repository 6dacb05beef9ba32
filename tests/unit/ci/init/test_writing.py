from __future__ import annotations

import os
from pathlib import Path

import pytest

from ipexenv.ci.init.writing import NewFile, write_all
from ipexenv.errors import UsageError


def everything(folder: Path) -> dict[str, str | None]:
    return {
        str(path.relative_to(folder)): path.read_text("utf-8") if path.is_file() else None for path in folder.rglob("*")
    }


def new(folder: Path, *names: str) -> list[NewFile]:
    return [NewFile(path=folder / name, text=f"new {name}\n") for name in names]


def test_files_are_written_with_their_folders(tmp_path: Path) -> None:
    assert write_all(new(tmp_path, "a", "deep/er/b"), force=False) == ("written", "written")
    assert everything(tmp_path) == {"a": "new a\n", "deep": None, "deep/er": None, "deep/er/b": "new deep/er/b\n"}


def test_what_is_there_is_kept_unless_forced(tmp_path: Path) -> None:
    (tmp_path / "b").write_text("mine")
    with pytest.raises(UsageError) as caught:
        write_all(new(tmp_path, "a", "b"), force=False)
    assert (caught.value.code, caught.value.message) == ("file-exists", f"{tmp_path / 'b'} is there already")
    assert "--force" in str(caught.value.hint)
    assert everything(tmp_path) == {"b": "mine"}
    assert write_all(new(tmp_path, "a", "b"), force=True) == ("written", "replaced")
    assert everything(tmp_path) == {"a": "new a\n", "b": "new b\n"}
    assert write_all(new(tmp_path, "a", "b"), force=False) == ("unchanged", "unchanged")


@pytest.mark.parametrize("force", [True, False])
def test_one_that_cannot_be_written_takes_the_others_back(tmp_path: Path, *, force: bool) -> None:
    (tmp_path / "a").write_text("mine" if force else "new a\n")
    (tmp_path / "in-the-way").write_text("a file, not a folder")
    before = everything(tmp_path)
    with pytest.raises(UsageError) as caught:
        write_all(new(tmp_path, "a", "fresh/c", "in-the-way/b"), force=force)
    assert caught.value.code == "not-writable"
    assert caught.value.message.startswith(f"{tmp_path / 'in-the-way' / 'b'} cannot be written: ")
    assert "nothing was written" in caught.value.causes
    assert everything(tmp_path) == before


def test_a_folder_in_the_place_of_the_last_file_takes_the_others_back(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("mine")
    (tmp_path / "b" / "full").mkdir(parents=True)
    before = everything(tmp_path)
    files = [*new(tmp_path, "a", "c"), NewFile(path=tmp_path / "b" / ("x" * 300), text="")]
    with pytest.raises(UsageError):
        write_all(files, force=True)
    assert everything(tmp_path) == before


def test_an_interrupt_in_the_middle_leaves_all_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").write_text("mine")
    before = everything(tmp_path)
    real, calls = Path.rename, []

    def rename(self: Path, target: Path) -> Path:
        calls.append(target)
        if len(calls) == 3:  # the first file stands in its place, the second does not
            raise KeyboardInterrupt
        return real(self, target)

    monkeypatch.setattr(Path, "rename", rename)
    with pytest.raises(KeyboardInterrupt):
        write_all(new(tmp_path, "a", "b"), force=True)
    assert everything(tmp_path) == before


def test_links_stay_links_and_dangling_ones_are_not_written_through(tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.write_text("old")
    (tmp_path / "a").symlink_to(real)
    (tmp_path / "b").symlink_to(tmp_path / "nowhere")
    with pytest.raises(UsageError):
        write_all(new(tmp_path, "b"), force=False)
    write_all(new(tmp_path, "a"), force=True)
    assert (tmp_path / "a").is_symlink()
    assert real.read_text() == "new a\n"


def test_the_mode_is_what_new_files_have(tmp_path: Path) -> None:
    old = os.umask(0o027)
    try:
        write_all(new(tmp_path, "a"), force=False)
    finally:
        os.umask(old)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o640
