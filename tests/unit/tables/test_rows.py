from __future__ import annotations

from typing import Any

import pytest
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from ipexenv.facts import IsaLevel
from ipexenv.reading import MalformedError
from ipexenv.tables.load import load_tables
from ipexenv.tables.mapping import row_as_mapping
from ipexenv.tables.schema import IpexRelease, OneCclRelease, TorchRelease

TABLES = load_tables()
EVERY_ROW = [
    *TABLES.ipex,
    *TABLES.oneccl,
    *TABLES.torch,
    *TABLES.bridge,
    *TABLES.flags,
    *TABLES.frameworks,
    *TABLES.sources,
]
CITED = {"source": ["a page"], "confidence": "seen in docs"}
SMALLEST_IPEX = {
    "version": "2.9.0",
    "torch": "2.9.*",
    "python": ["3.11"],
    "platforms": ["linux_x86_64"],
    "min_isa": "avx2",
    **CITED,
}


@pytest.mark.parametrize("row", EVERY_ROW, ids=lambda row: f"{type(row).__name__}-{getattr(row, 'version', '')}")
def test_every_row_survives_the_way_to_json_and_back(row: Any) -> None:
    assert type(row).from_mapping(row_as_mapping(row), where="row") == row


def test_only_rows_can_be_mapped() -> None:
    with pytest.raises(TypeError, match="expected a row of a table"):
        row_as_mapping("2.8.0")


def test_what_an_ipex_row_leaves_out() -> None:
    release = IpexRelease.from_mapping(SMALLEST_IPEX, where="row")
    assert release.package == release.import_name == "intel_extension_for_pytorch"
    assert release.python_on_index == release.python == (Version("3.11"),)
    assert release.min_isa is IsaLevel.AVX2
    assert (release.execstack, release.broken, release.yanked, release.last) == (False, None, None, False)


def test_a_release_that_was_never_on_the_index_says_so_with_an_empty_list() -> None:
    release = IpexRelease.from_mapping({**SMALLEST_IPEX, "python_on_index": []}, where="row")
    assert release.python_on_index == ()


def test_an_empty_reason_for_a_yank_is_still_a_yank() -> None:
    assert IpexRelease.from_mapping({**SMALLEST_IPEX, "yanked": ""}, where="row").yanked == ""


def test_what_a_bindings_row_leaves_out() -> None:
    release = OneCclRelease.from_mapping(
        {"version": "2.9.0", "import_name": "oneccl_bindings_for_pytorch", "torch": "2.9.0", **CITED}, where="row"
    )
    assert release.package == "oneccl_bind_pt"
    assert (release.cpu, release.wheel, release.platforms) == (True, True, ("linux_x86_64",))


def test_a_bare_torch_version_means_exactly_that_one() -> None:
    release = OneCclRelease.from_mapping(
        {"version": "1.12.0", "import_name": "m", "torch": "1.12.0", **CITED}, where="row"
    )
    assert release.torch == SpecifierSet("==1.12.0")


def test_a_torch_row_without_a_numpy_range_takes_any_numpy() -> None:
    release = TorchRelease.from_mapping(
        {"version": "2.16.0", "python": ["3.11"], "platforms": ["linux_x86_64"], **CITED}, where="row"
    )
    assert release.numpy.contains("1.21") is release.numpy.contains("2.4") is True


def test_the_row_is_named_in_the_complaint() -> None:
    with pytest.raises(MalformedError, match="mine: python is 'three', expected a list of versions"):
        IpexRelease.from_mapping({**SMALLEST_IPEX, "python": ["three"]}, where="mine")
