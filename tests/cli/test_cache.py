"""`ipexenv cache`: whole output, for people and machines."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from ipexenv import cli
from ipexenv.fetch.cache import Cache
from ipexenv.fetch.part import Piece, open_part
from ipexenv.system.world import World
from tests.fakes import FakeHttp, FakeKernel, FakeRunner

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Said = tuple[int, str, str]
    Say = Callable[..., Said]

SHA256 = "ab" * 32


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    """Return a cache with one file, its mark, one download that was cut off, and something that is not its own."""
    cache = Cache(folder=tmp_path / "cache")
    cache.prepare()
    file = cache.file(SHA256)
    file.parent.mkdir()
    file.write_bytes(bytes(2_500_000))
    cache.mark_checked(SHA256)
    part = open_part(cache.partial / f"{'cd' * 32}.part")
    assert part is not None
    part.plan(2_000_000, None)
    part.write(part.pieces[0], bytes(1_000_000), generation=part.generation)
    part.close()
    (cache.folder / "mine.txt").write_text("not the cache's", encoding="utf-8")
    return cache


@pytest.fixture
def say(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Say:
    env = {"COLUMNS": "200", "IPEXENV_CACHE_DIR": str(tmp_path / "cache")}
    world = World(runner=FakeRunner(), http=FakeHttp(), kernel=FakeKernel(), env=env, root=tmp_path, directory=tmp_path)

    def run(*words: str) -> Said:
        code = cli.main(["cache", *words], world=world)
        return (code, *capsys.readouterr())

    return run


def test_info(say: Say, cache: Cache) -> None:
    text = f"folder      {cache.folder}\nfiles       1 (2.5 MB)\nunfinished  1 (1.0 MB)\n"
    assert say("info") == (0, text, "")


def test_info_as_json(say: Say, cache: Cache) -> None:
    code, out, err = say("info", "--json")
    document = json.loads(out)
    assert (code, err, document["command"], document["status"]) == (0, "", "cache", "ok")
    assert document["data"] == {
        "folder": str(cache.folder),
        "files": 1,
        "size_bytes": 2_500_000,
        "partial_files": 1,
        "partial_bytes": 1_000_000,
    }


def test_info_where_there_is_no_cache_makes_none(say: Say, tmp_path: Path) -> None:
    folder = tmp_path / "elsewhere"
    text = f"folder      {folder}\nfiles       none\nunfinished  none\n"
    assert say("info", "--cache-dir", "elsewhere") == (0, text, "")
    assert not folder.exists()
    assert say("clear", "--cache-dir", "elsewhere") == (0, f"nothing to remove in {folder}\n", "")


def test_clear_removes_what_is_the_caches_own(say: Say, cache: Cache) -> None:
    assert say("clear") == (0, f"removed 2 files (3.5 MB) in {cache.folder}\n", "")
    assert not cache.has(SHA256)
    assert not cache.is_checked(SHA256)
    assert {path.name for path in cache.folder.rglob("*") if path.is_file()} == {"CACHEDIR.TAG", "mine.txt"}


def test_clear_leaves_alone_what_is_on_its_way(say: Say, cache: Cache) -> None:
    busy = open_part(cache.partial / "busy.part")
    assert busy is not None
    busy.write(Piece(0, None), b"half", generation=busy.generation)
    document = json.loads(say("clear", "--json")[1])
    assert (document["data"]["partial_files"], document["data"]["removed"]["partial_files"]) == (1, 1)
    busy.close(keep=False)


def test_one_of_the_two_must_be_asked_for(say: Say) -> None:
    code, out, err = say()
    assert (code, out) == (2, "")
    assert "the following arguments are required: action" in err


def test_a_cache_that_cannot_be_cleared_is_an_error(say: Say, cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, *, missing_ok: bool = False) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("pathlib.Path.unlink", refuse)
    code, _out, err = say("clear")
    assert code == 3
    assert err == (
        f"error: the cache cannot be cleared [cache-not-writable]\n  because {cache.file(SHA256)}: Permission denied\n"
    )
