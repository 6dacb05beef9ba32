from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from ipexenv.tables.join import Wanted, join, serves, wanted_bindings, wanted_bridges, wanted_torch
from ipexenv.tables.load import load_tables

if TYPE_CHECKING:
    from ipexenv.tables.join import Joined

TABLES = load_tables()


def joined_for(**wanted: SpecifierSet | Version) -> dict[str, Joined]:
    return {str(row.ipex.version): row for row in join(TABLES, Wanted(**wanted))}  # type: ignore[arg-type]  # each key has its own type


def test_without_filters_every_release_is_there() -> None:
    assert list(joined_for()) == [str(release.version) for release in TABLES.ipex]


@pytest.mark.parametrize(
    ("torch", "ipex", "bindings"),
    [
        ("==1.12.0", ["1.12.0", "1.12.100", "1.12.200", "1.12.300"], ["1.12.0"]),
        ("==1.12.1", ["1.12.0", "1.12.100", "1.12.200", "1.12.300"], ["1.12.100"]),
        ("==1.13.1", ["1.13.0", "1.13.100"], ["1.13.0"]),
        ("==2.1.2", ["2.1.0", "2.1.100"], ["2.1.0"]),
        ("==2.2.1", ["2.2.0"], []),
        ("==2.7.*", ["2.7.0"], ["2.7.0"]),
        ("==2.8.*", ["2.8.0"], []),
        ("==2.13.*", [], []),
    ],
)
def test_torch_decides_what_goes_with_it(torch: str, ipex: list[str], bindings: list[str]) -> None:
    found = joined_for(torch=SpecifierSet(torch))
    assert list(found) == ipex
    assert {str(release.version) for row in found.values() for release in row.bindings} == set(bindings)


def test_a_release_goes_with_the_torch_it_was_built_against() -> None:
    best = {name: row.best_torch for name, row in joined_for().items()}
    assert best["1.13.100"] is not None
    assert best["1.13.100"].version == Version("1.13.1")
    assert best["2.1.0"] is not None
    assert best["2.1.0"].version == Version("2.1.0")


def test_a_release_that_names_no_torch_goes_with_the_newest_patch() -> None:
    best = joined_for()["1.12.200"].best_torch
    assert best is not None
    assert best.version == Version("1.12.1")


def test_a_wanted_patch_wins_over_the_one_built_against() -> None:
    best = joined_for(torch=SpecifierSet("==1.12.1"))["1.12.300"].best_torch
    assert best is not None
    assert (best.version, best.torchvision, best.torchaudio) == (
        Version("1.12.1"),
        Version("0.13.1"),
        Version("0.12.1"),
    )


def test_python_has_to_suit_release_torch_and_bindings() -> None:
    assert list(joined_for(python=Version("3.12"))) == ["2.5.0", "2.6.0", "2.7.0", "2.8.0"]
    assert joined_for(python=Version("3.12"))["2.5.0"].bindings == ()
    assert [str(release.version) for release in joined_for(python=Version("3.11"))["2.5.0"].bindings] == ["2.5.0"]


def test_a_platform_has_to_suit_too() -> None:
    assert join(TABLES, Wanted(runs_there=lambda release: False)) == ()


def test_a_new_row_for_a_torch_without_a_row_is_shown() -> None:
    new = replace(
        TABLES.ipex[-1], version=Version("3.0.0"), torch=SpecifierSet("==3.0.*"), torch_pinned=Version("3.0.0")
    )
    tables = replace(TABLES, ipex=(*TABLES.ipex, new))
    assert join(tables, Wanted())[-1].ipex is new
    assert join(tables, Wanted())[-1].best_torch is None
    assert [row.ipex for row in join(tables, Wanted(torch=SpecifierSet("==3.0.*")))] == [new]
    assert join(tables, Wanted(torch=SpecifierSet("==3.1.*"))) == ()


def test_torch_without_ipex_is_still_listed_as_torch() -> None:
    assert [str(row.version) for row in wanted_torch(TABLES, Wanted(torch=SpecifierSet("==2.13.*")))] == ["2.13.0"]


def test_bindings_for_other_devices_are_listed_and_never_paired() -> None:
    listed = {str(release.version) for release in wanted_bindings(TABLES, Wanted())}
    assert {"2.8.0", "1.0.1"} <= listed
    assert [str(each.version) for each in wanted_bindings(TABLES, Wanted(torch=SpecifierSet("==2.8.0")))] == ["2.8.0"]
    assert joined_for()["2.8.0"].bindings == ()


def test_an_exclusion_by_name_beats_the_range() -> None:
    wide = replace(TABLES.oneccl[-1], torch=SpecifierSet("==1.12.*"), not_torch=(Version("1.12.1"),))
    assert serves(wide, Version("1.12.0"))
    assert not serves(wide, Version("1.12.1"))


def test_the_bridge_goes_with_every_release_for_torch_2() -> None:
    rows = joined_for()
    assert {version for version, row in rows.items() if row.bridge is not None} == {
        version for version in rows if version.startswith("2.")
    }
    assert rows["2.8.0"].bridge == load_tables().bridge[-1]


def test_the_bridge_is_listed_where_it_serves_with_ipex_or_without() -> None:
    tables = load_tables()
    assert wanted_bridges(tables, Wanted(torch=SpecifierSet("==2.13.*"), python=Version("3.12"))) == tables.bridge
    assert wanted_bridges(tables, Wanted(torch=SpecifierSet("==1.13.*"))) == ()
    assert wanted_bridges(tables, Wanted(python=Version("3.7"))) == ()
    assert wanted_bridges(tables, Wanted(runs_there=lambda release: False)) == ()
