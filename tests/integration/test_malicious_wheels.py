"""Wheels made to do harm, as a dependency that an index serves: refused with the reason, and nothing is written."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from tests.integration.sites import fingerprint, ipexenv, make_venv, quiet_world
from tests.servers import Site, serving, tables_with
from tests.unit.fetch import evil_wheels as evil
from tests.unit.fetch.evil_wheels import INFO, Entry, Recipe
from tests.wheels import MANYLINUX, build_wheel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ipexenv.system.world import World

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:Duplicate name")]

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
TAG = f"cp{PYTHON.replace('.', '')}-cp{PYTHON.replace('.', '')}-{MANYLINUX}"
ENGINES = ("pip", "uv")
SOUND = Recipe(metadata=evil.METADATA.replace("Requires-Dist: numpy<2\n", ""))
LIE = {"demo/run.sh": f"demo/run.sh,{evil.hashed(b'x = 2')},6"}

WHEELS: dict[str, tuple[bytes, str]] = {
    "up": (SOUND.adding(Entry(name="../../evil.py")).build(), "../../evil.py leads out of its folder"),
    "absolute": (SOUND.adding(Entry(name="/tmp/ipexenv-evil.py")).build(), "/tmp/ipexenv-evil.py is an absolute path"),
    "script-up": (SOUND.adding(Entry(name="demo-1.0.data/scripts/../../x")).build(), "leads out of its folder"),
    "link": (
        SOUND.adding(Entry(name="demo/link", data=b"/etc/passwd", mode=0o120777)).build(),
        "demo/link is a symbolic link",
    ),
    "case": (SOUND.adding(Entry(name="demo/__INIT__.py")).build(), "are one file where case does not count"),
    "metadata": (
        SOUND.adding(Entry(name="demo-1.0.data/purelib/torch-9.0.dist-info/METADATA")).build(),
        "it would install metadata of another distribution",
    ),
    "record-ghost": (
        Recipe(metadata=SOUND.metadata, record_extra=f"../../x.py,{evil.hashed(b'')},0").build(),
        "its RECORD lists ../../x.py, which is not there",
    ),
    "record-hash": (Recipe(metadata=SOUND.metadata, stamps=LIE).build(), "its RECORD gives another hash for demo/run"),
    "record-stowaway": (
        SOUND.adding(Entry(name="demo/stowaway.py", recorded=False)).build(),
        "its RECORD does not list demo/stowaway.py",
    ),
    "bomb": (SOUND.adding(Entry(name="demo/zeros", data=bytes(70 << 20))).build(), "as a ZIP bomb does"),
    "overlap": (evil.overlapping(), "overlaps another member"),
    "entry-point": (
        Recipe(
            metadata=SOUND.metadata,
            entries=(Entry(name=f"{INFO}/entry_points.txt", data=b"[console_scripts]\n../../evil = demo:main\n"),),
        ).build(),
        "the script ../../evil is a path",
    ),
}


@pytest.fixture
def site() -> Iterator[Site]:
    with serving() as site:
        yield site


def world_with(tmp_path: Path, site: Site, wheel: bytes) -> World:
    """Return a world whose index has a torch that needs ``demo``, which is ``wheel``."""
    folder = tmp_path / "wheels"
    files = {"torch/__init__.py": "__version__ = '2.8.0'\n", "torch/version.py": "__version__ = '2.8.0+cpu'\n"}
    torch = build_wheel(folder, "torch", "2.8.0", TAG, requires=["demo"], files=files)
    demo = folder / evil.FILENAME
    demo.write_bytes(wheel)
    numpy = build_wheel(folder, "numpy", "1.26.4")  # some of the recipes ask for it
    index = site.simple("/simple", [torch, demo, numpy], as_json=True)
    tables = str(tables_with(tmp_path / "tables", []))
    return quiet_world(tmp_path, PIP_INDEX_URL=index, IPEXENV_TABLES=tables)


@pytest.mark.parametrize("name", WHEELS)
def test_it_is_refused_with_the_reason_and_nothing_is_written(tmp_path: Path, site: Site, name: str) -> None:
    wheel, reason = WHEELS[name]
    world = world_with(tmp_path, site, wheel)
    before = fingerprint(make_venv(tmp_path / "v"))
    for engine in ENGINES:
        choice = ("--stack", "native", "--ccl", "none", "--engine", engine)
        ended = ipexenv(world, "install", "--venv", "v", *choice)
        assert (ended.code, ended.document["status"]) == (3, "error"), ended.document
        said = " ".join((ended.problem["message"], *ended.problem["causes"]))
        assert evil.FILENAME in said, said
        assert reason in said, said
        assert ended.data["changed"] is False
        assert fingerprint(tmp_path / "v") == before
        assert not (tmp_path / "v/.ipexenv").exists()
    left = {path.name for path in tmp_path.rglob("*") if path.name in {"evil.py", "evil", "x.py", "x"}}
    assert left == set()


def test_the_same_wheel_without_the_harm_is_taken(tmp_path: Path, site: Site) -> None:
    world = world_with(tmp_path, site, SOUND.build())
    make_venv(tmp_path / "v")
    ended = ipexenv(world, "install", "--venv", "v", "--stack", "native", "--ccl", "none")
    assert ended.code == 0, (ended.document, ended.stderr)
