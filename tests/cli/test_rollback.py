"""`ipexenv rollback`: whole output, for people and machines."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from ipexenv import cli
from ipexenv.system.world import World
from ipexenv.transaction.changing import Change, begin
from ipexenv.transaction.journal import ChangedPackage, read_journal, write_journal
from ipexenv.transaction.recovery import finish
from ipexenv.transaction.state import StateFolder
from tests.unit.transaction.trees import Tree, read_tree, write_tree

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Say = Callable[..., tuple[int, str, str]]

OLD: Tree = {
    "torch-2.7.0.dist-info/RECORD": b"torch.py,,3\n",
    "torch.py": b"old",
}
NEW: Tree = {
    "torch-2.8.0.dist-info/RECORD": b"torch.py,,4\n",
    "torch.py": b"new!",
}


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "env" / "lib" / "python3.11" / "site-packages"
    write_tree(folder, OLD)
    return folder


def change(site: Path, *, cut: str | None = None) -> None:
    """Replace torch 2.7.0; ``cut`` names the moment in which the machine goes down."""
    state = StateFolder.at(str(site.parents[2]))
    planned = Change(
        command="ipexenv install",
        packages=(ChangedPackage(name="torch", before="2.7.0", after="2.8.0"),),
        paths=tuple(str(site / name) for name in OLD | NEW),
        folders=(str(site),),
    )
    journal = begin(state, planned)
    for name in OLD:
        (site / name).unlink()
    (site / "torch-2.7.0.dist-info").rmdir()
    if cut == "changing":
        return
    write_tree(site, NEW)
    write_journal(state, journal.at("changed"))
    if cut is None:
        finish(state, journal)


@pytest.fixture
def say(site: Path, capsys: pytest.CaptureFixture[str]) -> Say:
    def run(*options: str) -> tuple[int, str, str]:
        code = cli.main(["rollback", "--venv", str(site.parents[2]), *options], world=World(env={}))
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def since(text: str) -> str:
    """Leave the date out, which is today's."""
    before, _, rest = text.partition(" of 2")
    return before + rest[rest.find(";") :] if rest else text


def test_the_last_change_is_undone_once(site: Path, say: Say) -> None:
    change(site)
    code, out, err = say()
    assert (code, err) == (0, "")
    assert since(out) == "undone: `ipexenv install`; the environment is as it was before\n  torch: 2.8.0 -> 2.7.0\n"
    assert {name: text for name, text in read_tree(site).items() if text is not None} == OLD
    code, out, err = say()
    assert (code, out) == (1, "")
    assert err == (
        "error: there is no change to undo [nothing-to-undo]\n"
        f"  because ipexenv has not changed {site.parents[2]}, or has undone it already\n\n"
        "hint: name the environment with `--venv DIR`, if another one is meant\n"
    )


def test_what_was_cut_off_is_undone(site: Path, say: Say) -> None:
    change(site, cut="changing")
    code, out, _ = say("--json")
    answer = json.loads(out)
    assert (code, answer["status"]) == (0, "ok")
    assert answer["data"]["result"] == "undone"
    assert answer["data"]["changes"] == [{"name": "torch", "before": "2.7.0", "after": "2.8.0"}]
    assert {name: text for name, text in read_tree(site).items() if text is not None} == OLD


def test_what_was_cut_off_after_all_was_installed_is_finished(site: Path, say: Say) -> None:
    change(site, cut="changed")
    code, out, _ = say()
    assert code == 0
    assert out.startswith("finished: `ipexenv install` of ")
    assert out.endswith("had installed everything when it was cut off\n  torch: 2.8.0\n")
    assert {name: text for name, text in read_tree(site).items() if text is not None} == NEW


def test_what_was_changed_since_is_not_mixed(site: Path, say: Say) -> None:
    change(site)
    (site / "torch.py").write_bytes(b"newer still")
    code, _, err = say()
    assert code == 1
    assert "because torch 2.8.0: torch.py has 11 bytes instead of 4" in err
    assert (site / "torch.py").read_bytes() == b"newer still"


def test_a_damaged_journal_is_named(site: Path, say: Say) -> None:
    change(site, cut="changing")
    state = StateFolder.at(str(site.parents[2]))
    state.journal.write_text("{")
    code, _, err = say()
    assert code == 3
    assert f"error: the record of a change of this environment cannot be read: {state.journal} [bad-journal]" in err
    state.journal.unlink()
    assert read_journal(state) is None
