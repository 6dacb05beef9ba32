from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ipexenv.errors import OutsideError
from ipexenv.transaction.journal import Journal, Stage, read_journal, read_last, write_journal
from ipexenv.transaction.recovery import finish, load_snapshot, recover, save_snapshot, undo_last
from ipexenv.transaction.snapshot import take
from ipexenv.transaction.state import StateFolder
from tests.unit.transaction.trees import Tree, read_tree, write_tree

if TYPE_CHECKING:
    from pathlib import Path

OLD: Tree = {"torch": None, "torch/__init__.py": b"old", "torch/gone.py": b"old"}
NEW: Tree = {"torch": None, "torch/__init__.py": b"new", "torch/added.py": b"new"}


class Story:
    """An environment in the middle of a change."""

    def __init__(self, top: Path) -> None:
        self.top = top
        self.site = top / "site-packages"
        self.state = StateFolder.at(str(top))
        write_tree(self.site, OLD)

    def change(self, stage: Stage, *, identity: str = "1") -> Journal:
        journal = Journal(identity=identity, stage=stage, command="ipexenv install", started="2026", boot="b")
        store = self.state.snapshot(identity)
        paths = [str(self.site / name) for name in {**OLD, **NEW} if name != "torch"]
        save_snapshot(take(paths, [str(self.site)], store), store)
        write_journal(self.state, journal)
        if stage != "preparing":
            (self.site / "torch/gone.py").unlink(missing_ok=True)
            write_tree(self.site, NEW)
        return journal

    def recover(self, *, whole: bool = True) -> str | None:
        found = recover(self.state, is_whole=lambda _: whole)
        return found.result if found else None


@pytest.fixture
def story(tmp_path: Path) -> Story:
    return Story(tmp_path)


def test_nothing_was_cut_off(story: Story) -> None:
    assert story.recover() is None
    assert undo_last(story.state) is None


@pytest.mark.parametrize("stage", ["preparing", "changing", "undoing"])
def test_what_was_cut_off_is_undone(story: Story, stage: Stage) -> None:
    story.change(stage)
    assert story.recover() == "undone"
    assert read_tree(story.site) == OLD
    assert read_journal(story.state) is None
    assert list(story.state.path.iterdir()) == []
    assert story.recover() is None


def test_what_was_there_already_is_finished(story: Story) -> None:
    story.change("changed")
    assert story.recover() == "finished"
    assert read_tree(story.site) == NEW
    last = read_last(story.state)
    assert last is not None
    assert last.stage == "done"


def test_what_claims_to_be_there_and_is_not_is_undone(story: Story) -> None:
    story.change("changed")
    assert story.recover(whole=False) == "undone"
    assert read_tree(story.site) == OLD


def test_the_last_change_is_undone_once(story: Story) -> None:
    finish(story.state, story.change("changed"))
    undone = undo_last(story.state)
    assert undone is not None
    assert undone.identity == "1"
    assert read_tree(story.site) == OLD
    assert undo_last(story.state) is None


def test_only_the_last_change_is_kept(story: Story) -> None:
    finish(story.state, story.change("changed"))
    finish(story.state, story.change("changed", identity="2"))
    assert {path.name for path in story.state.path.iterdir()} == {"last.json", "before-2"}


def test_a_cut_off_change_leaves_the_way_back_from_the_one_before(story: Story) -> None:
    finish(story.state, story.change("changed"))
    story.change("changing", identity="2")
    assert story.recover() == "undone"
    assert undo_last(story.state) is not None
    assert read_tree(story.site) == OLD


def test_without_the_snapshot_there_is_no_way_back_and_nothing_is_touched(story: Story) -> None:
    finish(story.state, story.change("changed"))
    (story.state.snapshot("1") / "snapshot.json").write_text("{")
    with pytest.raises(OutsideError) as caught:
        undo_last(story.state)
    assert caught.value.code == "not-restored"
    assert read_tree(story.site) == NEW
    assert read_last(story.state) is not None


def test_a_copy_that_was_written_into_is_no_way_back(story: Story) -> None:
    journal = story.change("changing")
    store = story.state.snapshot(journal.identity)
    kept = next(kept for kept in load_snapshot(store).kept if kept.path.endswith("gone.py"))
    (store / kept.stored).write_text("something else")
    with pytest.raises(OutsideError) as caught:
        story.recover()
    assert caught.value.code == "not-restored"
    assert "gone.py was written in place" in caught.value.causes[0]
    assert read_journal(story.state) is not None


def test_an_environment_that_was_being_made_is_removed(tmp_path: Path) -> None:
    top = tmp_path / "env"
    write_tree(top, {"bin/python": "-> /usr/bin/python3", "lib/x/y.py": b"", ".ipexenv": None})
    state = StateFolder.at(str(top))
    journal = Journal(identity="1", stage="changing", command="x", started="", boot="", new_environment=True)
    write_journal(state, journal)
    found = recover(state, is_whole=lambda _: False)
    assert found is not None
    assert found.result == "undone"
    assert not top.exists()


def test_an_environment_that_was_made_is_removed_by_undoing_it(tmp_path: Path) -> None:
    top = tmp_path / "env"
    write_tree(top, {"lib/x/y.py": b"", ".ipexenv": None})
    state = StateFolder.at(str(top))
    journal = Journal(identity="1", stage="changed", command="x", started="", boot="", new_environment=True)
    write_journal(state, journal)
    finish(state, journal)
    assert undo_last(state) is not None
    assert not top.exists()
