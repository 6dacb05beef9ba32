"""An environment that `install` made goes with `rollback` only while there is nothing else in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ipexenv.transaction.journal import ChangedPackage, Journal
from ipexenv.transaction.state import StateFolder
from ipexenv.transaction.strangers import strangers
from tests.unit.transaction.trees import write_tree

if TYPE_CHECKING:
    from pathlib import Path

SITE = "lib/python3.11/site-packages"
MADE = Journal(
    identity="1",
    stage="done",
    command="ipexenv install",
    started="",
    boot="",
    new_environment=True,
    packages=(
        ChangedPackage(name="torch", before=None, after="2.8.0"),
        ChangedPackage(name="ipexenv-oneccl-bridge", before=None, after="1+ipexenv.bridge.1"),
    ),
)


@pytest.fixture
def top(tmp_path: Path) -> Path:
    write_tree(
        tmp_path / "v",
        {
            "pyvenv.cfg": b"",
            ".ipexenv/last.json": b"",
            "bin/python": b"",
            "doc/torch.txt": b"",
            f"{SITE}/torch-2.8.0.dist-info/RECORD": b"torch/__init__.py,,\n../../../doc/torch.txt,,\n",
            f"{SITE}/pip-24.0.dist-info/RECORD": b"",
            f"{SITE}/oneccl_bind_pt-1+ipexenv.bridge.1.dist-info/INSTALLER": b"ipexenv-oneccl-bridge\n",
        },
    )
    return tmp_path / "v"


def found(top: Path) -> tuple[str, ...]:
    return strangers(StateFolder.at(str(top)), MADE)


def test_what_the_change_brought_is_no_stranger(top: Path) -> None:
    assert found(top) == ()


@pytest.mark.parametrize(
    ("tree", "words"),
    [
        ({f"{SITE}/pandas-2.2.dist-info/INSTALLER": b"pip\n"}, "pandas was installed since: "),
        ({f"{SITE}/oneccl_bind_pt-2.7.0.dist-info/INSTALLER": b"\xff"}, "oneccl-bind-pt was installed since: "),
        ({"train.py": b"mine"}, "train.py was put there since"),
        ({"results/1.txt": b"mine"}, "results was put there since"),
    ],
)
def test_what_came_later_is_named(top: Path, tree: dict[str, bytes], words: str) -> None:
    write_tree(top, dict(tree))
    (named,) = found(top)
    assert words in named
