from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from ipexenv.system.world import World
from ipexenv.tables.load import load_tables
from tests.fakes import FakeHttp, FakeKernel, FakeRunner

if TYPE_CHECKING:
    from pathlib import Path

    from ipexenv.tables.schema import Tables


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Return a world in which nothing is configured and nobody answers."""
    for folder in ("home", "root", "here"):
        (tmp_path / folder).mkdir()
    return World(
        runner=FakeRunner(),
        http=FakeHttp(),
        kernel=FakeKernel(),
        env={"HOME": str(tmp_path / "home"), "PATH": str(tmp_path / "bin")},
        root=tmp_path / "root",
        directory=tmp_path / "here",
    )


@pytest.fixture(scope="session")
def all_tables() -> Tables:
    return load_tables()


@pytest.fixture
def tables(all_tables: Tables) -> Tables:
    """Return the real releases without any named source."""
    return replace(all_tables, sources=())
