from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ipexenv.transaction.leftovers import changing_folders, leftovers_in
from ipexenv.transaction.snapshot import restore, take
from tests.unit.transaction.trees import Tree, read_tree, write_tree

if TYPE_CHECKING:
    from pathlib import Path

OLD: Tree = {
    "lib/site-packages/torch/__init__.py": b"old",
    "lib/site-packages/.tmpMine": b"somebody's",
    "share/man/torch.1": b"old",
    "share/notes.tmp": b"somebody's",
}


@pytest.fixture
def top(tmp_path: Path) -> Path:
    write_tree(tmp_path / "env", OLD)
    return tmp_path / "env"


def test_folders_on_the_way_are_looked_into_and_none_above(top: Path) -> None:
    root = str(top / "lib/site-packages")
    found = changing_folders([f"{root}/torch/__init__.py", f"{root}/new/x.py", f"{top}/share/man/torch.1"], [root])
    assert set(found) == {root, f"{root}/torch", f"{top}/share/man", f"{top}/share"}


def test_half_written_files_count_among_packages_alone(top: Path) -> None:
    write_tree(top, {"share/~orch/x": b"", "share/.tmpX": b"", "share/.tmpRpSDzX": b"", "share/.tmp-notes": b""})
    assert leftovers_in(str(top / "share")) == (".tmpRpSDzX", "~orch")
    assert leftovers_in(str(top / "lib/site-packages")) == (".tmpMine",)
    assert leftovers_in(str(top / "absent")) == ()


def test_what_engines_leave_goes_and_what_was_there_stays(top: Path, tmp_path: Path) -> None:
    root = str(top / "lib/site-packages")
    before = read_tree(top)
    paths = [f"{root}/torch/__init__.py", f"{root}/torch-2.dist-info/INSTALLER", f"{top}/share/man/torch.1"]
    store = tmp_path / "store"
    snapshot = take(paths, [root], store)
    made = {
        "lib/site-packages/torch-2.dist-info/INSTALLERab12.tmp": b"",
        "lib/site-packages/~orch/__init__.py": b"old",
        "lib/site-packages/.tmpAb12/x": b"",
        "share/~an/torch.1": b"old",
        "share/man/.tmpAb12Cd": b"half of a program",
    }
    write_tree(top, {**made, "share/later.tmp": b"somebody's"})
    restore(snapshot, store)
    assert read_tree(top) == {**before, "share/later.tmp": b"somebody's"}
