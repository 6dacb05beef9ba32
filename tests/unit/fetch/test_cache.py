from __future__ import annotations

import hashlib
from datetime import datetime, timezone
from pathlib import Path

import pytest
from platformdirs import user_cache_path

from ipexenv.errors import OutsideError
from ipexenv.fetch.cache import Cache, find_cache
from ipexenv.fetch.part import SupersededError, open_part
from ipexenv.fetch.staging import clone_or_copy, link_or_copy
from ipexenv.fetch.trouble import Trouble, disk_error, seconds_to_wait

SHA256 = "ab" * 32
NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)


def test_where_the_cache_is(tmp_path: Path) -> None:
    assert find_cache({}, tmp_path).folder == user_cache_path("ipexenv")
    assert find_cache({"IPEXENV_CACHE_DIR": "there"}, tmp_path).folder == tmp_path / "there"
    assert find_cache({"IPEXENV_CACHE_DIR": "there"}, tmp_path, named="/here").folder == Path("/here")
    assert find_cache({"IPEXENV_CACHE_DIR": "~/there"}, tmp_path).folder == Path.home() / "there"


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "AB" * 32, "ab" * 31])
def test_only_hashes_name_files(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="not a SHA-256"):
        Cache(folder=tmp_path).file(name)


def test_a_mark_of_another_checker_does_not_count(tmp_path: Path) -> None:
    cache = Cache(folder=tmp_path)
    cache.mark_checked(SHA256)  # the folder is not there yet: forgotten
    assert not cache.is_checked(SHA256)
    cache.prepare()
    cache.mark_checked(SHA256)
    assert cache.is_checked(SHA256)
    (tmp_path / "checked" / SHA256).write_text("0", encoding="utf-8")
    assert not cache.is_checked(SHA256)


def test_a_part_belongs_to_one_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "x.part"
    part = open_part(path)
    assert part is not None
    assert open_part(path) is None
    part.close(keep=False)
    assert not path.exists()
    again = open_part(path)
    assert again is not None
    again.close()


def test_a_part_survives_and_is_published_whole(tmp_path: Path) -> None:
    path, target = tmp_path / "x.part", tmp_path / "x"
    part = open_part(path)
    assert part is not None
    part.plan(40, 10)
    part.write(part.pieces[1], b"b" * 10, generation=part.generation)
    part.write(part.pieces[0], b"a" * 4, generation=part.generation)
    part.close()
    part = open_part(path)
    assert part is not None
    assert [piece.done_bytes for piece in part.pieces] == [4, 10, 0, 0]
    assert part.resumed
    for piece, rest in zip(part.pieces, (b"a" * 6, b"", b"c" * 10, b"d" * 10), strict=True):
        part.write(piece, rest, generation=part.generation)
    assert part.whole
    assert part.sha256() == hashlib.sha256(b"a" * 10 + b"b" * 10 + b"c" * 10 + b"d" * 10).hexdigest()
    part.publish(target)
    assert target.read_bytes() == b"a" * 10 + b"b" * 10 + b"c" * 10 + b"d" * 10
    assert target.stat().st_mode & 0o222 == 0
    assert [file.name for file in tmp_path.iterdir()] == ["x"]


def test_what_is_late_does_not_get_in(tmp_path: Path) -> None:
    part = open_part(tmp_path / "x.part")
    assert part is not None
    late, generation = part.pieces[0], part.generation
    part.begin_anew()
    with pytest.raises(SupersededError):
        part.write(late, b"late", generation=generation)
    part.plan(3, None)
    with pytest.raises(Trouble):
        part.write(part.pieces[0], b"more", generation=part.generation)
    part.close()
    with pytest.raises(SupersededError):
        part.write(part.pieces[0], b"x", generation=part.generation)


def test_a_link_is_no_part(tmp_path: Path) -> None:
    (tmp_path / "x.part").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OutsideError):
        open_part(tmp_path / "x.part")
    assert not (tmp_path / "elsewhere").exists()


def test_staging_links_and_copies(tmp_path: Path) -> None:
    source, target = tmp_path / "a", tmp_path / "b"
    source.write_bytes(b"bytes")
    assert [link_or_copy(source, target), link_or_copy(source, target)] == ["link", "link"]
    assert target.samefile(source)
    assert clone_or_copy(source, target) in {"clone", "copy"}
    assert not target.samefile(source)
    assert target.read_bytes() == b"bytes"
    assert {file.name for file in tmp_path.iterdir()} == {"a", "b"}


def test_staging_copies_where_links_are_not_possible(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_paths: Path) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr("os.link", refuse)
    (tmp_path / "a").write_bytes(b"bytes")
    assert link_or_copy(tmp_path / "a", tmp_path / "b") in {"clone", "copy"}
    assert (tmp_path / "b").read_bytes() == b"bytes"


def test_staging_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        link_or_copy(tmp_path / "absent", tmp_path / "b")
    (tmp_path / "a").write_bytes(b"bytes")
    with pytest.raises(OutsideError):
        link_or_copy(tmp_path / "a", tmp_path / "no folder" / "b")
    with pytest.raises(OutsideError):
        clone_or_copy(tmp_path / "absent", tmp_path / "b")
    assert [file.name for file in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize(
    ("number", "code"), [(28, "disk-full"), (122, "disk-full"), (27, "disk-full"), (13, "not-writable")]
)
def test_errors_of_the_disk_are_named(tmp_path: Path, number: int, code: str) -> None:
    assert disk_error(OSError(number, "words"), tmp_path).code == code


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0.0),
        (" 120 ", 120.0),
        ("9" * 30, 999_999_999.0),
        ("Thu, 01 Jan 2026 00:01:00 GMT", 60.0),
        ("Thu, 01 Jan 2020 00:00:00 GMT", 0.0),
        ("Thu, 01 Jan 2026 00:01:00", None),
        ("soon", None),
        ("-3", None),
        ("١٢", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after(text: str | None, seconds: float | None) -> None:
    assert seconds_to_wait(text, now=NOW) == seconds


def test_what_was_proven_is_remembered_until_the_cache_is_cleared(tmp_path: Path) -> None:
    cache = Cache(folder=tmp_path / "cache")
    cache.mark_proven("a" * 64)  # a cache that is not there forgets it
    assert not cache.is_proven("a" * 64)
    cache.prepare()
    cache.mark_proven("a" * 64)
    assert cache.is_proven("a" * 64)
    assert not cache.is_proven("b" * 64)
    cache.clear()
    assert not cache.is_proven("a" * 64)
