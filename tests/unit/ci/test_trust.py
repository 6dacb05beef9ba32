"""An environment is believed only when every file of it is what the manifest says."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipexenv.ci.tree import UntrustworthyError
from ipexenv.ci.trust import Manifest, check_files, read_manifest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ANSWER: dict[str, Any] = {"data": {"torch": "2.8.0"}, "exit_code": 0}


@pytest.fixture
def venv(tmp_path: Path) -> Path:
    """Return an environment in small: modules, byte code, a program, links."""
    folder = tmp_path / "venv"
    (folder / "lib" / "__pycache__").mkdir(parents=True)
    (folder / "bin").mkdir()
    (folder / "lib" / "one.py").write_text("x = 1\n")
    (folder / "lib" / "big.so").write_bytes(bytes(range(256)) * 4096)
    (folder / "lib" / "__pycache__" / "one.cpython-311.pyc").write_bytes(b"code")
    (folder / "bin" / "run").write_text("#!/bin/sh\n")
    (folder / "bin" / "run").chmod(0o755)
    (folder / "bin" / "python").symlink_to("/usr/bin/python3")
    (folder / "lib64").symlink_to("lib")
    return folder


@pytest.fixture
def manifest(venv: Path, tmp_path: Path) -> Manifest:
    Manifest.of(venv, key="k", answer=ANSWER).write(tmp_path / "manifest.json")
    return read_manifest(tmp_path / "manifest.json")


def test_what_is_the_same_is_believed(venv: Path, manifest: Manifest) -> None:
    check_files(venv, manifest)
    assert (manifest.key, manifest.answer) == ("k", ANSWER)
    assert manifest.files["lib64"][0] == "-> lib"
    assert len(manifest.files) == 6


def test_a_copy_is_the_same_however_many_write_permissions_it_has_lost(venv: Path, tmp_path: Path) -> None:
    (venv / "lib" / "one.py").chmod(0o664)
    manifest = Manifest.of(venv, key="k", answer=ANSWER)
    (venv / "lib" / "one.py").chmod(0o644)
    check_files(venv, manifest)


def rewrite(venv: Path) -> None:
    (venv / "lib" / "one.py").write_text("x = 2\n")


def lengthen(venv: Path) -> None:
    (venv / "lib" / "one.py").write_text("x = 10\n")


def flip_a_bit(venv: Path) -> None:
    data = bytearray((venv / "lib" / "big.so").read_bytes())
    data[len(data) // 2] ^= 1
    (venv / "lib" / "big.so").write_bytes(data)


def add(venv: Path) -> None:
    (venv / "lib" / "zz.pth").write_text("import os\n")


def add_sourceless(venv: Path) -> None:
    (venv / "lib" / "zz.pyc").write_bytes(b"code")


def add_other_in_cache(venv: Path) -> None:
    (venv / "lib" / "__pycache__" / "zz.so").write_bytes(b"code")


def link_byte_code(venv: Path) -> None:
    (venv / "lib" / "__pycache__" / "zz.pyc").symlink_to("/etc/passwd")


def remove(venv: Path) -> None:
    (venv / "bin" / "run").unlink()


def lead_elsewhere(venv: Path) -> None:
    (venv / "bin" / "python").unlink()
    (venv / "bin" / "python").symlink_to("/bin/evil000000000")


def link_instead_of_file(venv: Path) -> None:
    (venv / "lib" / "one.py").rename(venv.parent / "one.py")
    (venv / "lib" / "one.py").symlink_to(venv.parent / "one.py")


def set_user_id(venv: Path) -> None:
    (venv / "bin" / "run").chmod(0o4755)


def let_others_write(venv: Path) -> None:
    (venv / "lib" / "one.py").chmod(0o666)


def add_pipe(venv: Path) -> None:
    os.mkfifo(venv / "lib" / "pipe")


def put_pipe_in_place(venv: Path) -> None:
    (venv / "lib" / "one.py").unlink()
    os.mkfifo(venv / "lib" / "one.py")


def link_the_whole(venv: Path) -> None:
    venv.rename(venv.parent / "elsewhere")
    venv.symlink_to("elsewhere")


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (rewrite, "lib/one.py was changed"),
        (lengthen, "lib/one.py was changed"),
        (flip_a_bit, "lib/big.so was changed"),
        (add, "lib/zz.pth is not in the manifest"),
        (add_sourceless, "lib/zz.pyc is not in the manifest"),
        (add_other_in_cache, "lib/__pycache__/zz.so is not in the manifest"),
        (link_byte_code, "lib/__pycache__/zz.pyc is not in the manifest"),
        (remove, "bin/run is missing"),
        (lead_elsewhere, "bin/python was changed"),
        (link_instead_of_file, "lib/one.py was changed"),
        (set_user_id, "bin/run was changed"),
        (let_others_write, "lib/one.py was changed"),
        (add_pipe, "lib/pipe is neither a file nor a link"),
        (put_pipe_in_place, "lib/one.py is neither a file nor a link"),
        (link_the_whole, "is no folder"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_any_difference_is_named(harm: Callable[[Path], None], said: str, venv: Path, manifest: Manifest) -> None:
    (venv / "lib" / "one.py").chmod(0o644)
    harm(venv)
    with pytest.raises(UntrustworthyError, match=said):
        check_files(venv, manifest)


def test_byte_code_that_is_new_or_changed_is_removed_and_that_which_is_gone_is_not_missed(
    venv: Path, manifest: Manifest
) -> None:
    known, new = (venv / "lib" / "__pycache__" / f"{name}.cpython-311.pyc" for name in ("one", "two"))
    known.write_bytes(b"evil")
    new.write_bytes(b"evil")
    check_files(venv, manifest)
    assert not known.exists()
    assert not new.exists()
    check_files(venv, manifest)


def test_a_manifest_of_another_entry_is_refused(venv: Path, tmp_path: Path) -> None:
    file = tmp_path / "manifest.json"
    digest = Manifest.of(venv, key="k", answer=ANSWER).write(file)
    assert read_manifest(file, digest=digest).key == "k"
    with pytest.raises(UntrustworthyError, match="not the one"):
        read_manifest(file, digest="0" * 64)


@pytest.mark.parametrize("name", ["../x", "a/../../x", "/etc/passwd", "", ".", "a//b", "a/./b", "a\0b"], ids=repr)
def test_paths_that_lead_elsewhere_are_refused(name: str, tmp_path: Path) -> None:
    file = tmp_path / "manifest.json"
    document = {"format": 1, "key": "k", "answer": ANSWER, "files": {name: ["0", 0, 0]}}
    file.write_text(json.dumps(document))
    with pytest.raises(UntrustworthyError, match="no path below an environment"):
        read_manifest(file)


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "null", '"x"', "{", '{"format": 1}', "[" * 100_000, "\x00",
        '{"format": 2, "key": "k", "answer": {"data": {}}, "files": {}}',
        '{"format": 1, "key": "k", "answer": {"data": 1}, "files": {}}',
        '{"format": 1, "key": "k", "answer": [], "files": {}}',
        '{"format": 1, "key": "k", "answer": {"data": {}}, "files": {"a": ["0", "1", 2]}}',
        '{"format": 1, "key": "k", "answer": {"data": {}}, "files": {"a": [1]}}',
        '{"format": 1, "key": "k", "answer": {"data": {}}, "files": [1]}',
    ],
)  # fmt: skip
def test_what_is_no_manifest_is_refused(text: str, tmp_path: Path) -> None:
    file = tmp_path / "manifest.json"
    file.write_text(text)
    with pytest.raises(UntrustworthyError, match="the manifest"):
        read_manifest(file)
    with pytest.raises(UntrustworthyError, match="cannot be read"):
        read_manifest(tmp_path)


@given(st.binary(max_size=200))
def test_no_bytes_do_anything_but_be_refused(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    file = tmp_path_factory.mktemp("m") / "manifest.json"
    file.write_bytes(data)
    with pytest.raises(UntrustworthyError):
        read_manifest(file)


def test_a_disk_that_is_full_leaves_the_old_manifest_or_none(
    venv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_number: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        Manifest.of(venv, key="k", answer=ANSWER).write(tmp_path / "manifest.json")
    assert [entry.name for entry in tmp_path.iterdir()] == ["venv"]
