from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from ipexenv.transaction.journal import ChangedPackage, Journal
from ipexenv.transaction.state import StateFolder
from ipexenv.transaction.whole import missing_of, packages_folders
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


@pytest.mark.parametrize(
    ("name", "size_bytes", "whole"),
    [
        ("torch-2.8.0.dist-info/METADATA", 96, True),  # as of IPEX and older torch: built as 2.8.0+cpu, renamed later
        ("torch/version.py", 96, True),
        ("torch/version.py", 0, False),
        ("torch/version.py", 40, False),
        ("torch/other.py", 96, False),
        ("torch/__pycache__/x.cpython-311.pyc", 0, True),
    ],
)
def test_what_lost_its_label_or_was_compiled_anew_is_whole(
    site: Path, name: str, size_bytes: int, *, whole: bool
) -> None:
    record = site / "torch-2.8.0.dist-info/RECORD"
    record.write_text(f"{record.read_text()}{name},sha256=x,100\n")
    write_tree(site, {name: b"x" * size_bytes})
    assert (missing_of(journal(TORCH), [str(site)]) == ()) is whole


@pytest.mark.parametrize(
    ("made", "found"),
    [
        (["lib/python3.11/site-packages"], ["lib/python3.11/site-packages"]),
        (["lib/python3.13t/site-packages"], ["lib/python3.13t/site-packages"]),
        (
            ["lib/python3.11/site-packages", "lib64/python3.11/site-packages"],
            ["lib/python3.11/site-packages", "lib64/python3.11/site-packages"],
        ),
        ([], ["."]),
    ],
    ids=["venv and conda", "free-threaded", "lib64 of its own", "beside the packages"],
)
def test_an_environment_that_was_made_is_looked_through(tmp_path: Path, made: list[str], found: list[str]) -> None:
    for folder in made:
        (tmp_path / folder).mkdir(parents=True)
    state = StateFolder.at(str(tmp_path))
    assert packages_folders(state, journal(TORCH)) == tuple(str(tmp_path / folder) for folder in found)


def test_what_the_change_named_counts_before_any_guess(tmp_path: Path) -> None:
    """Debian's ``dist-packages``, a user's site directory, Fedora's two names of one folder."""
    (tmp_path / "lib/python3.11/dist-packages").mkdir(parents=True)
    (tmp_path / "lib64").symlink_to("lib")
    named = tuple(f"{tmp_path}/{lib}/python3.11/dist-packages" for lib in ("lib", "lib64"))
    told = replace(journal(TORCH), folders=named)
    assert packages_folders(StateFolder.at(str(tmp_path)), told) == named[:1]


def test_nothing_is_there(tmp_path: Path) -> None:
    assert missing_of(journal(TORCH), [str(tmp_path)]) == ("torch 2.8.0 is not there",)
