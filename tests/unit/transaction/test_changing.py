from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from ipexenv.errors import OutsideError
from ipexenv.transaction.changing import Change, changing
from ipexenv.transaction.journal import ChangedPackage, read_journal, read_last
from ipexenv.transaction.recovery import recover
from ipexenv.transaction.state import StateFolder
from tests.unit.transaction.trees import Tree, read_tree, write_tree

if TYPE_CHECKING:
    from pathlib import Path

OLD: Tree = {"torch": None, "torch/__init__.py": b"old", "torch/gone.py": b"old"}
NEW: Tree = {"torch": None, "torch/__init__.py": b"new", "torch/added.py": b"new"}


@pytest.fixture
def site(tmp_path: Path) -> Path:
    write_tree(tmp_path / "site", OLD)
    return tmp_path / "site"


def the_change(site: Path, *, new_environment: bool = False) -> Change:
    return Change(
        command="ipexenv install",
        packages=(ChangedPackage(name="torch", before="2.7.0", after="2.8.0"),),
        paths=tuple(str(site / name) for name in {**OLD, **NEW} if name != "torch"),
        folders=(str(site),),
        new_environment=new_environment,
    )


def replace(site: Path) -> None:
    (site / "torch/gone.py").unlink()
    write_tree(site, NEW)


def test_a_change_that_works_is_the_last(site: Path, tmp_path: Path) -> None:
    state = StateFolder.at(str(tmp_path))
    with changing(state, the_change(site)) as under_way:
        journal = read_journal(state)
        assert journal is not None
        assert journal.stage == "changing"
        replace(site)
        under_way.installed()
        journal = read_journal(state)
        assert journal is not None
        assert journal.stage == "changed"
    assert read_tree(site) == NEW
    assert read_journal(state) is None
    last = read_last(state)
    assert last is not None
    assert [str(package) for package in last.packages] == ["torch 2.7.0 -> 2.8.0"]


@pytest.mark.parametrize("error", [OutsideError("no", code="x"), KeyboardInterrupt(), SystemExit(143)])
@pytest.mark.parametrize("installed", [False, True])
def test_a_change_that_fails_is_undone(site: Path, tmp_path: Path, error: BaseException, *, installed: bool) -> None:
    state = StateFolder.at(str(tmp_path))

    def fail() -> None:
        with changing(state, the_change(site)) as under_way:
            replace(site)
            if installed:
                under_way.installed()
            raise error

    with pytest.raises(type(error)):
        fail()
    assert read_tree(site) == OLD
    assert list(state.path.iterdir()) == []


def test_a_full_disk_beforehand_changes_nothing(site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "x")

    monkeypatch.setattr(os, "link", full)
    state = StateFolder.at(str(tmp_path))
    with pytest.raises(OutsideError) as caught, changing(state, the_change(site)):
        raise AssertionError
    assert caught.value.code == "no-snapshot"
    assert "No space left" in caught.value.causes[0]
    assert read_tree(site) == OLD
    assert read_journal(state) is None


def test_a_new_environment_that_fails_is_removed(tmp_path: Path) -> None:
    top = tmp_path / "env"

    def fail() -> None:
        with changing(StateFolder.at(str(top)), the_change(top, new_environment=True)):
            write_tree(top, {"bin/python": b""})
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert not top.exists()


KILLED = """
import os, sys, signal
from pathlib import Path
from tests.unit.transaction.test_changing import replace, the_change
from ipexenv.transaction.changing import changing
from ipexenv.transaction.state import StateFolder
top = Path(sys.argv[1])
with changing(StateFolder.at(str(top)), the_change(top / "site")) as under_way:
    replace(top / "site")
    if sys.argv[2] == "installed":
        under_way.installed()
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize(("moment", "result", "tree"), [("changing", "undone", OLD), ("installed", "finished", NEW)])
def test_a_killed_process_is_recovered_from(site: Path, tmp_path: Path, moment: str, result: str, tree: Tree) -> None:
    ended = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path), moment], check=False)
    assert ended.returncode == -signal.SIGKILL
    found = recover(StateFolder.at(str(tmp_path)), is_whole=lambda _: True)
    assert found is not None
    assert found.result == result
    assert read_tree(site) == tree
