from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ipexenv.transaction.journal import ChangedPackage, Journal
from ipexenv.transaction.whole import missing_of
from tests.unit.transaction.trees import write_tree

if TYPE_CHECKING:
    from pathlib import Path


def journal(*packages: ChangedPackage) -> Journal:
    return Journal(identity="1", stage="changed", command="x", started="", boot="", packages=packages)


TORCH = ChangedPackage(name="torch", before="2.7.0", after="2.8.0")
GONE = ChangedPackage(name="oneccl_bind_pt", before="2.7.0", after=None)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    record = b"torch/__init__.py,sha256=x,4\ntorch-2.8.0.dist-info/RECORD,,\n../bin/torchrun,,\n"
    write_tree(
        tmp_path,
        {
            "site/torch/__init__.py": b"1234",
            "site/torch-2.8.0.dist-info/RECORD": record,
            "bin/torchrun": b"",
        },
    )
    return tmp_path / "site"


def test_all_of_it_is_there(site: Path) -> None:
    assert missing_of(journal(TORCH, GONE), [str(site)]) == ()


@pytest.mark.parametrize(
    ("tree", "gone", "words"),
    [
        ({"torch/__init__.py": b""}, None, "torch 2.8.0: torch/__init__.py has 0 bytes instead of 4"),
        ({}, "torch/__init__.py", "torch 2.8.0: torch/__init__.py is missing"),
        ({}, "../bin/torchrun", "torch 2.8.0: ../bin/torchrun is missing"),
        ({}, "torch-2.8.0.dist-info/RECORD", "torch 2.8.0: its RECORD cannot be read (FileNotFoundError)"),
        ({"oneccl_bind_pt-2.7.0.dist-info/RECORD": b""}, None, "oneccl_bind_pt is still there"),
        ({"torch-2.7.0.dist-info/RECORD": b""}, "torch-2.8.0.dist-info/RECORD", "torch is torch-2."),
    ],
)
def test_what_is_not_done_is_named(site: Path, tree: dict[str, bytes], gone: str | None, words: str) -> None:
    write_tree(site, dict(tree))
    if gone:
        (site / gone).unlink()
    found = missing_of(journal(TORCH, GONE), [str(site)])
    assert len(found) == 1
    assert found[0].startswith(words)


def test_nothing_is_there(tmp_path: Path) -> None:
    assert missing_of(journal(TORCH), [str(tmp_path)]) == ("torch 2.8.0 is not there",)
