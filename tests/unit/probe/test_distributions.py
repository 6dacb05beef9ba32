from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from ipexenv.facts import Package
from ipexenv.probe.distributions import find_distributions, parse_metadata
from ipexenv.probe.learnt import Learnt

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

NAMES = {"torch": "torch", "intel-extension-for-pytorch": "ipex", "numpy": "numpy"}


def place(folder: Path, files: Mapping[str, str]) -> str:
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return str(folder)


def metadata(name: str, version: str) -> str:
    return f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nSummary: x\n\nVersion: 99\nA description.\n"


def find(*folders: str) -> tuple[dict[str, Package], Mapping[str, str]]:
    learnt = Learnt()
    return find_distributions(folders, NAMES, learnt), learnt.notes


def test_a_wheel(tmp_path: Path) -> None:
    info = "intel_extension_for_pytorch-2.8.0.dist-info"
    text = metadata("intel_extension_for_pytorch", "2.8.0")
    folder = place(tmp_path, {f"{info}/METADATA": text, f"{info}/INSTALLER": "pip\n"})
    found, learnt = find(folder)
    assert found["intel-extension-for-pytorch"] == Package(
        name="intel_extension_for_pytorch", version=Version("2.8.0"), installer="pip", location=folder
    )
    assert learnt == {"installed.ipex": f"{folder}/{info}"}


@pytest.mark.parametrize(
    "files",
    [
        {"torch-2.8.0.dist-info/METADATA": metadata("torch", "2.8.0")},
        {"Torch-2.8.0.dist-info/METADATA": metadata("Torch", "2.8.0")},
        {"torch-2.8.0-py3.11.egg-info/PKG-INFO": metadata("torch", "2.8.0")},
        {"torch-2.8.0-py3.11.egg-info": metadata("torch", "2.8.0")},
        {"torch.egg-info/PKG-INFO": metadata("torch", "2.8.0")},
        {"torch-2.8.0.dist-info/METADATA": "Name: torch\n"},
        {"torch-2.8.0.dist-info/METADATA": ""},
        {"torch-2.8.0.dist-info/METADATA": "Name: torch\nVersion: rubbish\n"},
    ],
)
def test_layouts(files: Mapping[str, str], tmp_path: Path) -> None:
    found, _ = find(place(tmp_path, files))
    assert found["torch"].version == Version("2.8.0")
    assert found["torch"].installer is None


def test_names_that_only_begin_alike_are_others(tmp_path: Path) -> None:
    files = {
        f"{name}-1.0.dist-info/METADATA": metadata(name, "1.0") for name in ("torch_geometric", "numpydoc", "pytorch")
    }
    assert find(place(tmp_path, files)) == ({}, {})


def test_the_first_directory_of_the_path_wins(tmp_path: Path) -> None:
    user = place(tmp_path / "user", {"torch-2.7.0.dist-info/METADATA": metadata("torch", "2.7.0")})
    system = place(tmp_path / "system", {"torch-2.8.0.dist-info/METADATA": metadata("torch", "2.8.0")})
    assert find(user, system)[0]["torch"].version == Version("2.7.0")
    assert find(str(tmp_path / "none"), system)[0]["torch"].version == Version("2.8.0")


def test_two_in_one_directory_are_noted(tmp_path: Path) -> None:
    files = {f"torch-{v}.dist-info/METADATA": metadata("torch", v) for v in ("2.10.0", "2.9.0")}
    found, learnt = find(place(tmp_path, files))
    assert found["torch"].version == Version("2.10.0")
    assert "two of it" in learnt["installed.torch"]


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"torch-2.8.0.dist-info/RECORD": ""}, "has no readable METADATA"),
        ({"torch.egg-info/PKG-INFO": "Name: torch"}, "names no version"),
        ({"torch-2x.dist-info/METADATA": "\x00"}, "names no version"),
        ({"~orch/version.py": ""}, "left over from a removal"),
        ({"~orch-2.8.0.dist-info/METADATA": metadata("torch", "2.8.0")}, "left over from a removal"),
    ],
)
def test_what_is_broken_is_noted_and_left_out(files: Mapping[str, str], words: str, tmp_path: Path) -> None:
    found, learnt = find(place(tmp_path, files))
    assert found == {}
    assert words in learnt["installed.torch"]


def test_leftovers_of_others_are_nobodys_business(tmp_path: Path) -> None:
    assert find(place(tmp_path, {"~ip/x": "", "~/x": "", "~umpydoc/x": ""})) == ({}, {})


@given(st.text(max_size=200))
def test_no_metadata_raises(text: str) -> None:
    assert all(key == key.strip().lower() for key in parse_metadata(text))
