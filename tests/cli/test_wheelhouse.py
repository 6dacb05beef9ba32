"""`wheelhouse` as a person sees it: a lock with files in a folder, no engine needed."""

from __future__ import annotations

import json
import os
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import pytest

from ipexenv import cli
from ipexenv.fetch.staging import sha256_of
from ipexenv.lock.writing import lock_text
from ipexenv.system.world import World
from tests.fakes import FakeHttp, FakeRunner
from tests.servers import tables_with
from tests.unit.lock.locks import lock, target, wheel
from tests.wheels import build_wheel

if TYPE_CHECKING:
    from pathlib import Path

NAMES = ["sympy-1.13.3-py3-none-any.whl", "torch-2.8.0-py3-none-any.whl"]


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Return a world in which a lock names two wheels of a folder."""
    own = tmp_path / "own"
    files = []
    for name, version in (("sympy", "1.13.3"), ("torch", "2.8.0")):
        path = build_wheel(own, name, version)
        digest, size_bytes = sha256_of(path), path.stat().st_size
        files.append(wheel(name, version, url=path.as_uri(), source=str(own), sha256=digest, size_bytes=size_bytes))
    made = lock(target(files=tuple(files), pins=("torch",)))
    (tmp_path / "pylock.toml").write_text(lock_text(made, folder=PurePosixPath(tmp_path)), encoding="utf-8")
    tables_with(tmp_path / "tables", [])
    env = {"HOME": str(tmp_path), "PATH": os.defpath, "PIP_CONFIG_FILE": os.devnull, "IPEXENV_TABLES": "tables"}
    env |= {"IPEXENV_CACHE_DIR": str(tmp_path / "cache"), "UV_NO_CONFIG": "1", "NO_COLOR": "1"}
    return World(runner=FakeRunner(), http=FakeHttp(), env=env, directory=tmp_path)


def fill(world: World, *words: str) -> int:
    return cli.main(["wheelhouse", "my house", "--from-lock", "pylock.toml", *words], world=world)


def test_it_says_what_is_there_and_how_to_use_it(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    size = sum(path.stat().st_size for path in (tmp_path / "own").iterdir())
    said = (
        f"my house: 2 wheels, {size / 1e6:.1f} MB\n"
        "  Python 3.11 on linux x86_64: torch 2.8.0+cpu, ccl none, 2 wheels\n"
        "{done}\n"
        "install from it with `ipexenv install --offline --source 'my house'`\n"
    )
    assert fill(world, "-q") == 0
    assert capsys.readouterr() == (said.format(done="2 fetched"), "")
    assert fill(world, "-q") == 0
    assert capsys.readouterr() == (said.format(done="everything was there already"), "")
    build_wheel(tmp_path / "my house", "stray", "1.0")
    assert fill(world, "-q") == 0
    note = "everything was there already\nnot of this lock, and left alone: stray-1.0-py3-none-any.whl"
    assert capsys.readouterr().out == said.format(done=note)


def test_json(world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert fill(world, "--json", "-q") == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["command"], document["status"], document["problems"]) == ("wheelhouse", "ok", [])
    data = document["data"]
    assert (data["folder"], data["lock"]) == (str(tmp_path / "my house"), str(tmp_path / "my house/pylock.toml"))
    assert (data["fetched"], data["built"], data["missing"], data["others"]) == (NAMES, [], [], [])
    assert data["changed"] is True
    assert [file["filename"] for file in data["files"]] == NAMES
    assert set(data["files"][0]) == {"filename", "sha256", "size_bytes"}
    assert [row["python"] for row in data["targets"]] == ["3.11"]
    assert data["targets"][0]["packages"][0]["source"] == str(tmp_path / "my house")


def test_what_is_missing_is_named(world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "own" / NAMES[1]).unlink()
    assert fill(world, "-q") == 3
    err = capsys.readouterr().err
    assert err.startswith(f"error: {NAMES[1]} cannot be had from {tmp_path}/own [not-found]\n")
    assert "of 2 files are missing: " in err
    assert NAMES[1] in err.partition("are missing")[2]
    assert not (tmp_path / "my house/pylock.toml").exists()


def test_a_folder_that_cannot_be_used_is_named(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "my house").write_text("a file", encoding="utf-8")
    assert fill(world, "-q") == 2
    assert capsys.readouterr().err == (
        f"error: {tmp_path}/my house cannot be used: File exists [not-writable]\n\nhint: name another folder\n"
    )


def test_an_absent_lock_is_named(world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "pylock.toml").unlink()
    assert fill(world, "-q") == 2
    assert "[no-lock]" in capsys.readouterr().err
    assert not (tmp_path / "my house").exists()


def test_a_false_file_is_refused_before_anything_is_fetched(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    head = 'source = ["a test"]\nseen = "2026-01-01"\nconfidence = "inferred"\n[files]\n'
    (tmp_path / "tables/hashes.toml").write_text(f'{head}"{NAMES[1]}" = ["{"a" * 64}", 7]\n', encoding="utf-8")
    assert fill(world, "-q") == 3
    err = capsys.readouterr().err
    assert err.startswith(f"error: {NAMES[1]} of {tmp_path}/own is not taken [wrong-file]\n")
    assert f"the published file of that name has {'a' * 64}" in err
    assert not (tmp_path / "my house").exists()
