"""What is installed later breaks the pair: `status` names it and the command that restores it, which then does."""

from __future__ import annotations

import shlex
import subprocess
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from tests.integration.sites import ipexenv, make_venv, quiet_world
from tests.servers import Site, serving, tables_with
from tests.wheels import build_wheel, fake_bindings, fake_ipex, fake_torch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ipexenv.system.world import World
    from tests.integration.sites import Ended

pytestmark = pytest.mark.slow

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
ENGINES = ("pip", "uv")


@dataclass(frozen=True, kw_only=True)
class Drift:
    """One way in which a pair gets broken."""

    first: tuple[str, ...]
    """What makes the environment: words for `install`."""
    beside: tuple[str, ...] = ()
    """Packages that are there as well."""
    later: tuple[str, ...]
    """What somebody installs later, with its dependencies or against them."""
    code: str
    """The finding."""
    restored: str
    """What is there again afterwards."""


DRIFTS = {
    "torch-replaced": Drift(
        first=("--torch", "2.8", "--ccl", "none"), later=("torch==2.9.0",), code="torch", restored="torch 2.8.0"
    ),
    "torch-of-another-minor": Drift(
        first=("--torch", "2.7", "--ccl", "none"), later=("torch==2.8.0",), code="torch", restored="torch 2.7.0"
    ),
    "numpy-2": Drift(
        first=("--torch", "2.2.0", "--stack", "native", "--ccl", "none"),
        beside=("numpy==1.26.4",),
        later=("numpy==2.1.0",),
        code="numpy",
        restored="numpy 1.26.4",
    ),
    "torchvision": Drift(
        first=("--torch", "2.8", "--ccl", "none"),
        beside=("torchvision==0.23.0",),
        later=("torchvision==0.22.0",),
        code="partner",
        restored="torchvision 0.23.0",
    ),
    "xpu": Drift(
        first=("--torch", "2.8", "--ccl", "none"),
        later=("intel_extension_for_pytorch==2.8.0+xpu",),
        code="other-device",
        restored="intel_extension_for_pytorch 2.8.0",
    ),
}


@pytest.fixture
def site() -> Iterator[Site]:
    with serving() as site:
        yield site


@pytest.fixture
def world(tmp_path: Path, site: Site) -> World:
    folder = tmp_path / "wheels"
    tag = fake_torch(folder, "2.8.0", PYTHON).stem.split("-", 2)[2]
    wheels = [
        *(fake_torch(folder, version, PYTHON) for version in ("2.2.0", "2.7.0", "2.8.0", "2.9.0")),
        *(fake_ipex(folder, version, PYTHON) for version in ("2.7.0", "2.8.0", "2.8.0+xpu")),
        *(build_wheel(folder, "numpy", version) for version in ("1.26.4", "2.1.0")),
        *(build_wheel(folder, "torchvision", version, tag) for version in ("0.22.0", "0.23.0")),
    ]
    settings = {"PIP_INDEX_URL": site.simple("/simple", wheels, as_json=True)}
    settings |= {"IPEXENV_TABLES": str(tables_with(tmp_path / "tables", []))}
    return quiet_world(tmp_path, **settings, IPEXENV_CACHE_DIR=str(tmp_path / "cache"))


def pip(world: World, *requirements: str) -> None:
    argv = [sys.executable, "-I", "-m", "pip", "--python", "v/bin/python", "install", "--no-deps", *requirements]
    subprocess.run(argv, check=True, capture_output=True, cwd=world.directory, env=dict(world.env))


def done(ended: Ended) -> Ended:
    assert ended.code == 0, (ended.document, ended.stderr)
    return ended


def status(world: World) -> Ended:
    return ipexenv(world, "status", "--venv", "v")


def versions(venv: Path) -> set[str]:
    folders = next((venv / "lib").glob("python3*")).glob("site-packages/*.dist-info")
    return {folder.name.removesuffix(".dist-info").replace("-", " ") for folder in folders}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", DRIFTS)
def test_status_names_what_broke_and_its_command_restores_it(
    tmp_path: Path, world: World, engine: str, name: str
) -> None:
    drift = DRIFTS[name]
    venv = make_venv(tmp_path / "v")
    done(ipexenv(world, "install", "--venv", "v", "--engine", engine, *drift.first))
    if drift.beside:
        pip(world, *drift.beside)
    assert status(world).code == 0
    whole = versions(venv)
    pip(world, *drift.later)
    broken = status(world)
    assert broken.code == 1
    assert drift.code in {finding["code"] for finding in broken.data["findings"]}
    command, *_ = broken.data["restore"]
    assert command in broken.problem["hint"]
    done(ipexenv(world, *shlex.split(command)[1:], "--engine", engine))
    assert done(status(world)).data["fits"] is not False
    assert drift.restored in versions(venv)
    assert versions(venv) == whole


@pytest.mark.parametrize("name", ["numpy-2", "torchvision", "xpu"])
def test_install_alone_repairs_what_leaves_torch_as_it_is(tmp_path: Path, world: World, name: str) -> None:
    drift = DRIFTS[name]
    venv = make_venv(tmp_path / "v")
    done(ipexenv(world, "install", "--venv", "v", *drift.first))
    if drift.beside:
        pip(world, *drift.beside)
    whole = versions(venv)
    pip(world, *drift.later)
    native = ("--stack", "native") if "native" in drift.first else ()
    done(ipexenv(world, "install", "--venv", "v", "--ccl", "none", *native))
    assert versions(venv) == whole


def test_a_second_oneccl_is_named_with_the_command_that_removes_it(tmp_path: Path, world: World) -> None:
    make_venv(tmp_path / "v")
    fake_bindings(tmp_path / "intel", "2.7.0", PYTHON)
    done(ipexenv(world, "install", "--venv", "v", "--torch", "2.7", "--ccl", "bindings", "--source", "intel"))
    assert "second-libccl" not in codes(done(status(world)))
    files = {"oneccl-2021.15.0.data/data/lib/libccl.so.1": "FAKE"}
    build_wheel(tmp_path / "later", "oneccl", "2021.15.0", files=files)
    pip(world, "--no-index", "--find-links", "later", "oneccl")
    text = codes(status(world))["second-libccl"]
    assert f"{tmp_path}/v/lib/libccl.so.1, of oneccl 2021.15.0: `" in text
    command = text.split("`")[1]
    # The environment has no pip of its own: another one is told to work on it.
    words = [sys.executable, "-I", "-m", "pip", "--python", "v/bin/python", *command.partition(" -m pip ")[2].split()]
    subprocess.run([*words, "--yes"], check=True, capture_output=True, cwd=tmp_path, env=dict(world.env))
    assert "second-libccl" not in codes(done(status(world)))
    folder = tmp_path / "oneapi"
    folder.mkdir()
    (folder / "libccl.so.1").write_text("FAKE", encoding="utf-8")
    text = codes(ipexenv(replace(world, env={**world.env, "LD_LIBRARY_PATH": str(folder)}), "status", "--venv", "v"))[
        "second-libccl"
    ]
    assert f"{folder}/libccl.so.1, which the loader takes before that of oneccl_bind_pt" in text


def codes(ended: Ended) -> dict[str, str]:
    return {finding["code"]: finding["text"] for finding in ended.data["findings"]}
