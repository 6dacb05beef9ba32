from __future__ import annotations

import configparser

import pytest
from packaging.metadata import Metadata
from packaging.specifiers import SpecifierSet
from packaging.utils import parse_wheel_filename
from packaging.version import Version

from ipexenv.bridge.contents import contents, file_name, info_folder
from ipexenv.bridge.own_files import own_files
from ipexenv.tables.bridge import is_bridge
from ipexenv.tables.load import load_tables

RELEASE = load_tables().bridge[-1]
TAKEN = {file.to: file.to.encode() for part in RELEASE.parts for file in part.files}
INFO = info_folder(RELEASE)
STAND_IN = f"ipexenv_oneccl_bridge-{RELEASE.version}.data/purelib/oneccl_bind_pt-{RELEASE.version}.dist-info"


@pytest.fixture(scope="module")
def whole() -> dict[str, bytes]:
    return contents(RELEASE, own_files(RELEASE.version), TAKEN)


def test_the_file_name_says_what_it_is() -> None:
    name, version, _build, tags = parse_wheel_filename(file_name(RELEASE))
    assert (name, version) == ("ipexenv-oneccl-bridge", RELEASE.version)
    assert {str(tag) for tag in tags} == {"py3-none-manylinux_2_28_x86_64"}


def test_the_metadata_says_that_it_is_not_intel_s(whole: dict[str, bytes]) -> None:
    metadata = Metadata.from_email(whole[f"{INFO}/METADATA"])
    assert (metadata.name, metadata.version) == ("ipexenv-oneccl-bridge", RELEASE.version)
    assert "not Intel's" in (metadata.summary or "")
    assert metadata.requires_python == SpecifierSet(">=3.8")
    assert [str(requirement) for requirement in metadata.requires_dist or ()] == ["torch>=2.0"]
    assert "impi-rt 2021.18.0" in (metadata.description or "")


def test_every_licence_lies_where_tools_look_and_beside_what_it_is_for(whole: dict[str, bytes]) -> None:
    named = Metadata.from_email(whole[f"{INFO}/METADATA"]).license_files
    assert named == [
        "impi/license.txt",
        "impi/third-party-programs.txt",
        "ipexenv/LICENSE",
        "oneccl/license.txt",
        "oneccl/third-party-programs.txt",
    ]
    for name in named or ():
        assert whole[f"{INFO}/licenses/{name}"] == whole[f"ipexenv_oneccl_bridge/licenses/{name}"]


def test_the_libraries_lie_in_the_backend_s_package(whole: dict[str, bytes]) -> None:
    assert whole["ipexenv_oneccl_bridge/lib/libccl.so.2"] == b"lib/libccl.so.2"
    assert {f"ipexenv_oneccl_bridge/{place}" for place in TAKEN} <= set(whole)


def test_torch_is_told_what_to_call(whole: dict[str, bytes]) -> None:
    parser = configparser.ConfigParser()
    parser.read_string(whole[f"{INFO}/entry_points.txt"].decode())
    assert dict(parser["torch.backends"]) == {"ccl": "ipexenv_oneccl_bridge:autoload"}
    assert b"def autoload() -> None:" in whole["ipexenv_oneccl_bridge/__init__.py"]


def test_what_stands_in_for_the_bindings_is_marked_and_belongs_to_the_bridge(whole: dict[str, bytes]) -> None:
    files = {name.removeprefix(f"{STAND_IN}/") for name in whole if "oneccl_bind_pt" in name}
    assert files == {"METADATA", "WHEEL", "INSTALLER"}, "with a RECORD pip would replace it by itself"
    metadata = Metadata.from_email(whole[f"{STAND_IN}/METADATA"])
    assert (metadata.name, metadata.version) == ("oneccl_bind_pt", RELEASE.version)
    assert "Not Intel's" in (metadata.summary or "")
    assert [str(requirement) for requirement in metadata.requires_dist or ()] == [
        f"ipexenv-oneccl-bridge=={RELEASE.version}"
    ]
    assert whole[f"{STAND_IN}/INSTALLER"] == b"ipexenv-oneccl-bridge\n"


def test_the_version_passes_every_comparison_that_libraries_make() -> None:
    assert is_bridge(RELEASE.version)
    assert RELEASE.version >= Version("1.12")
    assert str(RELEASE.version) >= "1.12"  # accelerate compares the strings


def test_there_is_one_metadata_folder_at_the_top(whole: dict[str, bytes]) -> None:
    assert {name.partition("/")[0] for name in whole} == {
        INFO,
        f"ipexenv_oneccl_bridge-{RELEASE.version}.data",
        "ipexenv_oneccl_bridge",
        "oneccl_bindings_for_pytorch",
    }
