from __future__ import annotations

from pathlib import Path

from ipexenv.system.files import Tree, list_names, map_bytes, read_bytes, read_text, read_until


def test_absence_is_an_answer(tmp_path: Path) -> None:
    for path in (str(tmp_path / "none"), str(tmp_path), "null\0byte"):
        assert read_bytes(path) is None
        assert map_bytes(path) is None
        assert read_text(path) is None
        assert read_until(path, b"x", limit_bytes=10) is None
    assert list_names(str(tmp_path / "none")) == list_names("null\0byte") == ()


def test_large_files_are_mapped(tmp_path: Path) -> None:
    (tmp_path / "full").write_bytes(b"\0bytes")
    (tmp_path / "empty").touch()
    mapped = map_bytes(str(tmp_path / "full"))
    assert mapped is not None
    assert mapped.find(b"bytes") == 1
    assert map_bytes(str(tmp_path / "empty")) is None


def test_text_is_stripped_and_never_undecodable(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"  0-3\xff\n\n")
    assert read_text(str(tmp_path / "file")) == "0-3\ufffd"


def test_reading_stops_at_the_mark_or_the_limit(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"one\n\ntwo\n\nthree")
    assert read_until(str(file), b"\n\n", limit_bytes=100) == b"one"
    assert read_until(str(file), b"#", limit_bytes=100) == file.read_bytes()
    file.write_bytes(b"x" * 100_000)
    assert len(read_until(str(file), b"#", limit_bytes=20_000) or b"") < 100_000


def test_a_tree_stands_for_the_root(tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc" / "b").write_text("text\n", encoding="utf-8")
    (tmp_path / "proc" / "a").touch()
    tree = Tree.at(tmp_path)
    assert (tree.text("/proc/b"), tree.names("/proc"), tree.text("/proc/c")) == ("text", ("a", "b"), None)
    assert Tree.at(Path("/")).path("/proc/cpuinfo") == "/proc/cpuinfo"
