from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest

from ipexenv.errors import TableError
from ipexenv.reading import MalformedError
from ipexenv.tables.hashes import KnownFile, KnownFiles, read_known_files
from ipexenv.tables.load import PACKAGE, find_tables, load_releases, load_tables

if TYPE_CHECKING:
    from pathlib import Path

NAME = "torch-2.8.0-cp311-cp311-manylinux_2_28_x86_64.whl"
HEAD: dict[str, Any] = {"source": ["a listing"], "seen": "2026-01-01", "confidence": "inferred"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(find_tables(PACKAGE), tmp_path / "tables")
    return tmp_path / "tables"


def test_a_file_is_known_by_its_name() -> None:
    files = read_known_files({**HEAD, "files": {NAME: ["a" * 64, 7]}}, where="hashes.toml")
    assert files == {NAME: KnownFile(sha256="a" * 64, size_bytes=7)}


@pytest.mark.parametrize("row", [["A" * 64, 7], ["a" * 64], ["a" * 64, 0], ["a" * 64, True], "a" * 64, ["a" * 64, "7"]])
def test_a_row_that_tells_no_hash_and_size_is_named(row: object) -> None:
    with pytest.raises(MalformedError, match="torch-2.8.0.* expected SHA-256 and size of a wheel"):
        read_known_files({**HEAD, "files": {NAME: row}}, where="hashes.toml")


def test_what_is_no_wheel_and_what_cites_nothing_is_refused() -> None:
    with pytest.raises(MalformedError, match="torch.tar.gz"):
        read_known_files({**HEAD, "files": {"torch.tar.gz": ["a" * 64, 7]}}, where="hashes.toml")
    with pytest.raises(MalformedError, match="source is missing"):
        read_known_files({"seen": "2026", "confidence": "inferred", "files": {}}, where="hashes.toml")
    with pytest.raises(MalformedError, match="unknown key 'extra'"):
        read_known_files({**HEAD, "files": {}, "extra": 1}, where="hashes.toml")


def test_the_table_is_read_when_it_is_asked_and_once() -> None:
    reads: list[int] = []

    def read() -> dict[str, KnownFile]:
        reads.append(1)
        return {}

    known = KnownFiles(read)
    assert reads == []
    assert (known.get("a"), known.get("b")) == (None, None)
    assert len(reads) == 1
    assert KnownFiles().get(NAME) is None


def test_a_bad_table_is_named_when_it_is_needed_and_not_before(folder: Path) -> None:
    (folder / "hashes.toml").write_text("files = 7\n", encoding="utf-8")
    for load in (load_tables, load_releases):
        tables = load(folder)
        with pytest.raises(TableError, match="hashes.toml") as caught:
            tables.known.get(NAME)
        assert caught.value.causes == (f"it was read from {folder}",)
    (folder / "hashes.toml").write_text("half = ", encoding="utf-8")
    with pytest.raises(TableError, match="is not valid TOML"):
        load_tables(folder).known.get(NAME)


def test_what_the_bridge_is_made_from_is_known_even_without_the_table(folder: Path) -> None:
    (folder / "hashes.toml").unlink()
    tables = load_tables(folder)
    assert tables.known.get(NAME) is None
    for part in (*tables.bridge[-1].parts, tables.bridge[-1].mpi):
        known = tables.known.get(part.filename)
        assert known is not None
        assert (known.sha256, known.size_bytes) == (part.sha256, part.size_bytes)
