"""`install` and the bridge: built here from played wheels, by real pip and uv, and never beside Intel's bindings."""

from __future__ import annotations

import shlex
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.bridges import played_bridge
from tests.fakes import FakeHttp
from tests.integration.sites import fingerprint, ipexenv, make_venv, quiet_world
from tests.servers import closed_port, serving, tables_with
from tests.wheels import build_wheel, fake_bindings, fake_torch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ipexenv.system.world import World
    from tests.integration.sites import Ended
    from tests.servers import Site

pytestmark = pytest.mark.slow

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
BRIDGE = "ipexenv-oneccl-bridge"
FIRST, SECOND = "2022.2.0+ipexenv.bridge.1", "2022.2.0+ipexenv.bridge.2"
ENGINES = ("pip", "uv")


@pytest.fixture
def site() -> Iterator[Site]:
    with serving() as site:
        yield site


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    """Return a folder with torch and what the bridge is made from."""
    folder = tmp_path / "wheels"
    fake_torch(folder, "2.7.0", PYTHON)
    build_wheel(folder, "numpy", "1.26.4")
    return folder


@pytest.fixture
def tables(tmp_path: Path, wheels: Path) -> Path:
    folder = tables_with(tmp_path / "tables", [])
    played_bridge(folder, wheels)
    return folder


@pytest.fixture
def venv(tmp_path: Path) -> Path:
    return make_venv(tmp_path / "v")


def install(world: World, tables: Path, *arguments: str) -> Ended:
    common = ("--venv", "v", "--tables", str(tables), "--stack", "native", "--torch", "2.7.0")
    return ipexenv(world, "install", *common, *arguments)


def done(ended: Ended) -> Ended:
    assert ended.code == 0, (ended.document, ended.stderr)
    return ended


def listed(venv: Path) -> set[str]:
    """Return what pip itself finds in the environment, of what has to do with ccl."""
    return {line for line in pip(venv, "list", "--format", "freeze").splitlines() if "ccl" in line}


def pip(venv: Path, *arguments: str) -> str:
    """Run the pip beside the tests on the environment, which has none of its own, and return what it prints."""
    argv = [sys.executable, "-I", "-B", "-m", "pip", "--python", str(venv / "bin/python"), *arguments]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize("engine", ENGINES)
def test_it_is_built_from_an_index_and_nothing_is_left_of_it_when_it_goes(
    tmp_path: Path, site: Site, wheels: Path, tables: Path, venv: Path, *, engine: str
) -> None:
    world = quiet_world(tmp_path, PIP_INDEX_URL=site.simple("/simple", wheels.iterdir(), as_json=True))
    done(install(world, tables, "--ccl", "none", "--engine", engine))
    before = fingerprint(venv)
    ended = done(install(world, tables, "--engine", engine))
    assert ended.data["ccl"]["provider"] == "bridge"
    assert ended.data["pins"][1]["built_from"][0]["source"] == f"{site.url}/simple"
    assert listed(venv) == {f"{BRIDGE}=={FIRST}", f"oneccl_bind_pt=={FIRST}"}
    again = done(install(replace(world, http=FakeHttp()), tables, "--engine", engine))
    assert (again.data["changed"], again.data["sources"]) == (False, [])
    pip(venv, "uninstall", "--yes", BRIDGE)
    assert fingerprint(venv) == before


@pytest.mark.parametrize("engine", ENGINES)
def test_a_folder_of_its_parts_is_enough_offline(tmp_path: Path, tables: Path, venv: Path, *, engine: str) -> None:
    world = replace(quiet_world(tmp_path, PIP_INDEX_URL=closed_port()), http=FakeHttp())
    ended = done(install(world, tables, "--offline", "--source", "wheels", "--engine", engine, "--mpi"))
    assert {BRIDGE, "impi-rt"} <= set(ended.versions())
    assert listed(venv) == {f"{BRIDGE}=={FIRST}", f"oneccl_bind_pt=={FIRST}"}


@pytest.mark.parametrize("engine", ENGINES)
def test_a_newer_revision_takes_its_place(
    tmp_path: Path, wheels: Path, tables: Path, venv: Path, *, engine: str
) -> None:
    world = quiet_world(tmp_path, PIP_NO_INDEX="1", PIP_FIND_LINKS=str(wheels))
    done(install(world, tables, "--engine", engine))
    played_bridge(tables, wheels, revision=2)
    ended = done(install(world, tables, "--engine", engine))
    assert [(change["before"], change["after"]) for change in ended.data["plan"]["changes"]] == [(FIRST, SECOND)]
    assert listed(venv) == {f"{BRIDGE}=={SECOND}", f"oneccl_bind_pt=={SECOND}"}


def test_a_part_that_is_another_file_changes_nothing(tmp_path: Path, wheels: Path, tables: Path, venv: Path) -> None:
    world = quiet_world(tmp_path, PIP_NO_INDEX="1", PIP_FIND_LINKS=str(wheels))
    done(install(world, tables, "--ccl", "none"))
    before = fingerprint(venv)
    part = next(wheels.glob("impi_rt-*.whl"))
    part.write_bytes(part.read_bytes().replace(b"FAKE", b"fake"))
    ended = install(world, tables)
    assert (ended.code, ended.problem["code"]) == (3, "bridge-part-differs")
    assert ended.problem["causes"][-1] == "nothing was changed"
    assert fingerprint(venv) == before


def test_it_and_intels_bindings_take_turns_by_the_commands_that_are_named(
    tmp_path: Path, wheels: Path, tables: Path
) -> None:
    venv = make_venv(tmp_path / "v", pip=True)
    fake_bindings(tmp_path / "intel", "2.7.0", PYTHON)
    world = quiet_world(tmp_path, PIP_NO_INDEX="1", PIP_FIND_LINKS=str(wheels))
    intel = ("--engine", "pip", "--source", str(tmp_path / "intel"))
    assert done(install(world, tables, *intel)).data["ccl"]["provider"] == "bindings"
    assert done(install(world, tables, *intel)).data["ccl"]["provider"] == "bindings"
    for wanted, there in (("bridge", "oneccl_bind_pt==2.7.0+cpu"), ("bindings", f"{BRIDGE}=={FIRST}")):
        refused = install(world, tables, *intel, "--ccl", wanted)
        assert (refused.code, refused.problem["code"]) == (1, f"{wanted}-unavailable")
        assert there in listed(venv)
        command = next(text for text in refused.problem["hint"].split("`") if "uninstall" in text)
        subprocess.run([*shlex.split(command), "--yes"], check=True, capture_output=True)
        assert listed(venv) == set()
        assert done(install(world, tables, *intel, "--ccl", wanted)).data["ccl"]["provider"] == wanted
