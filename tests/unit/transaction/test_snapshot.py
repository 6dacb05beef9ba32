from __future__ import annotations

import errno
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ipexenv.reading import MalformedError
from ipexenv.transaction.snapshot import Snapshot, SnapshotError, differences, restore, take
from tests.unit.transaction.trees import Tree, read_tree, write_tree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

OLD: Tree = {
    "torch/__init__.py": b"old",
    "torch/__pycache__/__init__.cpython-311.pyc": b"compiled old",
    "torch/lib/libtorch.so": b"old library",
    "torch/lib/link.so": "-> libtorch.so",
    "torch-2.7.0.dist-info/METADATA": b"2.7.0",
    "torch-2.7.0.dist-info/RECORD": b"record",
    "numpy/core.py": b"not touched",
    "easy.pth": b"import x",
}
NEW: Tree = {
    "torch/__init__.py": b"new",
    "torch/added/deep/module.py": b"added",
    "torch-2.8.0.dist-info/METADATA": b"2.8.0",
}
REMOVED = (
    "torch/lib/libtorch.so",
    "torch/lib/link.so",
    "torch-2.7.0.dist-info/METADATA",
    "torch-2.7.0.dist-info/RECORD",
)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "site-packages"
    folder.mkdir()
    write_tree(folder, OLD)
    return folder


def snapshot_of(site: Path, store: Path) -> Snapshot:
    return take([str(site / name) for name in (*REMOVED, *NEW, "easy.pth")], [str(site)], store)


def change(site: Path) -> None:
    """Do what an engine does, with what it leaves behind when it is cut off."""
    write_tree(site, NEW)
    for name in REMOVED:
        (site / name).unlink()
    (site / "torch-2.7.0.dist-info").rmdir()
    write_tree(site, {"torch/__pycache__/__init__.cpython-311.pyc": b"compiled new"})
    write_tree(
        site, {"torch/added/deep/__pycache__/module.cpython-311.pyc": b"compiled", "~orch/rest.py": b"half moved"}
    )
    write_tree(site, {".tmpAbc/x": b"half moved"})


def test_a_change_is_undone_whole(site: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    snapshot = snapshot_of(site, store)
    change(site)
    assert differences(snapshot, store)
    restore(snapshot, store)
    assert read_tree(site) == OLD
    assert differences(snapshot, store) == ()


def test_it_survives_its_own_file(site: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    snapshot = snapshot_of(site, store)
    assert Snapshot.from_mapping(snapshot.as_mapping(), where="x") == snapshot
    with pytest.raises(MalformedError, match="listings"):
        Snapshot.from_mapping(snapshot.as_mapping() | {"listings": [["a"]]}, where="x")
    with pytest.raises(MalformedError, match="kept"):
        Snapshot.from_mapping(snapshot.as_mapping() | {"kept": 3}, where="x")


def test_large_files_are_linked_and_those_written_in_place_are_copied(site: Path, tmp_path: Path) -> None:
    snapshot = snapshot_of(site, tmp_path / "store")
    inodes = {kept.path: (tmp_path / "store" / kept.stored).stat().st_ino for kept in snapshot.kept if kept.stored}
    assert inodes[str(site / "torch/lib/libtorch.so")] == (site / "torch/lib/libtorch.so").stat().st_ino
    for name in ("easy.pth", "torch-2.7.0.dist-info/RECORD"):
        assert inodes[str(site / name)] != (site / name).stat().st_ino


def test_a_file_system_without_links_is_copied(site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_link(*_: object, **__: object) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", no_link)
    store = tmp_path / "store"
    snapshot = snapshot_of(site, store)
    change(site)
    restore(snapshot, store)
    assert read_tree(site) == OLD


def test_a_full_disk_while_it_is_taken_leaves_nothing(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "link", full)
    with pytest.raises(OSError, match="No space left"):
        snapshot_of(site, tmp_path / "store")
    assert not (tmp_path / "store").exists()
    assert read_tree(site) == OLD


def test_a_file_written_in_place_is_noticed_before_anything_is_put_back(site: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    snapshot = snapshot_of(site, store)
    (site / "torch/__init__.py").write_bytes(b"written over")
    changed = read_tree(site)
    with pytest.raises(SnapshotError, match="written in place"):
        restore(snapshot, store)
    assert read_tree(site) == changed


def test_a_lost_copy_is_named(site: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    snapshot = snapshot_of(site, store)
    next(store.iterdir()).unlink()
    with pytest.raises(SnapshotError, match="is missing"):
        restore(snapshot, store)


def test_what_others_added_stays(site: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    snapshot = snapshot_of(site, store)
    change(site)
    write_tree(site, {"torch/added/notes.txt": b"mine", "other/__init__.py": b"another package"})
    restore(snapshot, store)
    assert read_tree(site) == OLD | {
        "torch/added": None,
        "torch/added/notes.txt": b"mine",
        "other": None,
        "other/__init__.py": b"another package",
        **dict.fromkeys(folders_of(OLD)),
    }


def test_a_folder_where_a_file_was_gives_way(site: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    snapshot = snapshot_of(site, store)
    (site / "torch/__init__.py").unlink()
    write_tree(site, {"torch/__init__.py/x": b"a folder now"})
    restore(snapshot, store)
    assert read_tree(site) == OLD | dict.fromkeys(folders_of(OLD))


def folders_of(tree: Tree) -> set[str]:
    return {str(parent) for name in tree for parent in Path(name).parents if str(parent) != "."}


OLD |= dict.fromkeys(folders_of(OLD))


CALLS = ("unlink", "replace", "rmdir", "link", "makedirs", "symlink")


def interrupted(monkeypatch: pytest.MonkeyPatch, at: int) -> Callable[[], int]:
    """Let the ``at``-th call that changes the file system never come back, as after a power cut."""
    count = 0

    def wrap(real: Callable[..., object]) -> Callable[..., object]:
        def call(*args: object, **kwargs: object) -> object:
            nonlocal count
            count += 1
            if count == at:
                raise KeyboardInterrupt
            return real(*args, **kwargs)

        return call

    for name in CALLS:
        monkeypatch.setattr(os, name, wrap(getattr(os, name)))
    return lambda: count


def points() -> Iterator[int]:
    yield from range(1, 40)


def test_restoring_may_be_cut_off_at_every_step(site: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    snapshot = snapshot_of(site, store)
    cut = 0
    for at in points():
        change(site)
        with pytest.MonkeyPatch.context() as patch:
            called = interrupted(patch, at)
            try:
                restore(snapshot, store)
            except KeyboardInterrupt:
                cut += 1
            steps = called()
        restore(snapshot, store)
        assert read_tree(site) == OLD, at
        if steps < at:
            break
    assert cut > 15


names = st.sampled_from(["a.py", "b.py", "c/d.py", "c/e/f.so", "g-1.dist-info/RECORD", "h.pth", "i"])
trees = st.dictionaries(names, st.binary(max_size=4), max_size=7)


@settings(max_examples=50, deadline=None)
@given(before=trees, after=trees)
def test_every_change_of_its_paths_is_undone(before: dict[str, bytes], after: dict[str, bytes]) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        site, store = Path(scratch) / "site", Path(scratch) / "store"
        site.mkdir()
        write_tree(site, dict(before))
        old = read_tree(site)
        snapshot = take([str(site / name) for name in before | after], [str(site)], store)
        for name in before:
            (site / name).unlink()
        for folder in ("c/e", "c", "g-1.dist-info"):
            shutil.rmtree(site / folder, ignore_errors=True)
        write_tree(site, dict(after))
        restore(snapshot, store)
        assert read_tree(site) == old
