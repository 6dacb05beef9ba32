from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from ipexenv.install.shelf import Shelf

if TYPE_CHECKING:
    from pathlib import Path


def test_what_a_killed_process_left_goes_and_what_a_living_one_has_stays(tmp_path: Path) -> None:
    shelf = Shelf(folder=tmp_path)
    old, fresh = tmp_path / ".incoming-old", tmp_path / ".incoming-fresh"
    for left in (old, fresh):
        left.mkdir()
        (left / "half").touch()
    os.utime(old, (0, 0))
    with shelf.incoming() as living:
        (living / "half").touch()
        os.utime(living, (0, 0))
        with shelf.incoming() as other:
            assert {path.name for path in tmp_path.iterdir()} == {fresh.name, living.name, other.name}
            assert (living / "half").exists()
    assert [path.name for path in tmp_path.iterdir()] == [fresh.name]


def test_it_goes_where_the_work_fails(tmp_path: Path) -> None:
    def fail() -> None:
        with Shelf(folder=tmp_path).incoming():
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert list(tmp_path.iterdir()) == []
