from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from ipexenv.facts import Package
from ipexenv.probe.learnt import Learnt
from ipexenv.probe.torch_build import build_of, cxx11_abi_of, parse_version_file, torch_of

if TYPE_CHECKING:
    from pathlib import Path

OLD = b"\0_ZN3c106detail14torchCheckFailEPKcS2_jRKSs\0"
NEW = b"\0_ZN3c106detail14torchCheckFailEPKcS2_jRKNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE\0"
OTHER = b"\0_ZN3c106detail14torchCheckFailEPKcS2_jS2_\0_ZN3c106detail14torchCheckFailEPKcS2_jRKN3c1011string_viewE\0"

V1_12 = "__version__ = '1.12.1+cu102'\ndebug = False\ncuda = '10.2'\ngit_version = 'abc'\nhip = None\n"
V2_8 = """from typing import Optional

__all__ = ['__version__', 'debug', 'cuda', 'git_version', 'hip', 'xpu']
__version__ = '2.8.0+cu128'
debug = False
cuda: Optional[str] = '12.8'
git_version = 'a1cb3cc05d46d198467bebbb6e8fba50a325d4e7'
hip: Optional[str] = None
xpu: Optional[str] = None
"""
PLAIN = "__version__ = '{}'\ncuda = {}\nhip = {}\nxpu = {}\n"


@pytest.mark.parametrize(
    ("data", "abi"),
    [(b"", None), (OTHER, None), (OLD, False), (NEW, True), (OTHER + OLD, False), (OTHER + NEW, True)],
)
def test_abi_by_symbol(data: bytes, abi: bool | None) -> None:  # noqa: FBT001 (expected value)
    assert cxx11_abi_of(data) is abi


@pytest.mark.parametrize(
    ("text", "version", "cuda"),
    [
        (V1_12, "1.12.1+cu102", "10.2"),
        (V2_8, "2.8.0+cu128", "12.8"),
        ("__version__ = '2.1.0a0+32f93b1'\n", "2.1.0a0+32f93b1", None),
    ],
)
def test_version_files(text: str, version: str, cuda: str | None) -> None:
    file = parse_version_file(text)
    assert (file.version, file.cuda) == (Version(version), cuda)


@pytest.mark.parametrize("text", ["", "__version__ = unknown()", "__version__ = '", "__version__ = 3", "cuda = (("])
def test_what_cannot_be_read_is_not_said(text: str) -> None:
    assert parse_version_file(text).version is None


@given(st.text(max_size=100))
def test_no_version_file_raises(text: str) -> None:
    parse_version_file(text)
    parse_version_file(f"__version__ = {text}")


@pytest.mark.parametrize(
    ("text", "installer", "build"),
    [
        (V2_8, "pip", "cu128"),
        (PLAIN.format("2.13.0+cpu", None, None, None), "pip", "cpu"),
        (PLAIN.format("2.6.0+cpu.cxx11.abi", None, None, None), "pip", "cpu"),
        (PLAIN.format("2.8.0+rocm6.4", None, "'6.4.4'", None), "pip", "rocm6.4"),
        (PLAIN.format("2.8.0+xpu", None, None, "'20250101'"), "pip", "xpu"),
        (PLAIN.format("2.5.1.post108", None, None, None), "conda", "conda"),
        (PLAIN.format("2.5.1", "'12.4'", None, None), "conda", "conda"),
        (PLAIN.format("2.0.1", "'11.7'", None, None), "pip", "cu117"),
        (PLAIN.format("2.4.0a0+gitd990dad", None, "'6.2.41133'", None), None, "rocm6.2"),
        (PLAIN.format("2.9.0a0+git1234", None, None, "'20250101'"), None, "xpu"),
        (PLAIN.format("2.2.0", None, None, None), None, "cpu"),
        (PLAIN.format("2.2.0+custom", None, None, None), None, "cpu"),
        ("__version__ = '1.4.0'\n", "pip", None),
    ],
)
def test_builds(text: str, installer: str | None, build: str | None) -> None:
    file = parse_version_file(text)
    assert file.version is not None
    assert build_of(file.version, file, installer=installer) == build


def torch(folder: Path, *, version_file: str | None = None, library: bytes | None = None) -> str:
    for name, data in (
        ("version.py", None if version_file is None else version_file.encode()),
        ("lib/libc10.so", library),
    ):
        if data is not None:
            file = folder / "torch" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
    return str(folder)


def package(folder: str, version: str = "2.8.0") -> Package:
    return Package(name="torch", version=Version(version), installer="pip", location=folder)


def test_the_version_file_tells_the_build_that_the_metadata_hides(tmp_path: Path) -> None:
    folder = torch(tmp_path, version_file=V2_8, library=NEW)
    found = torch_of(package(folder), (folder,), Learnt())
    assert found is not None
    assert (str(found.version), found.build, found.cxx11_abi) == ("2.8.0+cu128", "cu128", True)


def test_metadata_alone(tmp_path: Path) -> None:
    learnt = Learnt()
    found = torch_of(package(str(tmp_path), "2.8.0+cpu"), (), learnt)
    assert found is not None
    assert (str(found.version), found.build, found.cxx11_abi) == ("2.8.0+cpu", "cpu", None)
    assert "cannot be read" in learnt.notes["installed.torch.cxx11_abi"]


def test_metadata_with_a_label_keeps_it(tmp_path: Path) -> None:
    folder = torch(tmp_path, version_file="__version__ = '2.8.0+rocm6.4.git1234'\n", library=b"")
    found = torch_of(package(folder, "2.8.0+rocm6.4"), (), Learnt())
    assert found is not None
    assert (str(found.version), found.cxx11_abi) == ("2.8.0+rocm6.4", None)


def test_where_metadata_and_files_disagree_the_files_run(tmp_path: Path) -> None:
    folder, learnt = torch(tmp_path, version_file=V1_12), Learnt()
    found = torch_of(package(folder), (), learnt)
    assert found is not None
    assert str(found.version) == "1.12.1+cu102"
    assert learnt.notes["installed.torch"] == "its metadata says 2.8.0, torch/version.py 1.12.1+cu102"


def test_a_torch_without_metadata_counts(tmp_path: Path) -> None:
    folder, learnt = torch(tmp_path, version_file=V2_8), Learnt()
    found = torch_of(None, ("/nowhere", folder), learnt)
    assert found is not None
    assert (found.name, str(found.version), found.installer) == ("torch", "2.8.0+cu128", None)
    assert "pip does not see it" in learnt.notes["installed.torch"]


def test_the_remains_of_a_torch_do_not_count(tmp_path: Path) -> None:
    (tmp_path / "torch" / "__pycache__").mkdir(parents=True)
    assert torch_of(None, (str(tmp_path),), Learnt()) is None
    learnt = Learnt()
    assert torch_of(None, (torch(tmp_path, version_file="debug = False\n"),), learnt) is None
    assert "does not count" in learnt.notes["installed.torch"]
