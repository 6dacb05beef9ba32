from __future__ import annotations

from importlib.metadata import Distribution, PackageNotFoundError
from typing import TYPE_CHECKING

import pytest
from packaging.requirements import Requirement

from ipexenv.errors import UsageError
from ipexenv.lock.containing import described_container
from ipexenv.lock.dockerfile_base import named_base
from ipexenv.lock.own_pins import own_pins
from ipexenv.tables.load import load_tables
from tests.unit.lock.locks import platform, target, wheel

if TYPE_CHECKING:
    from collections.abc import Sequence


class Played(Distribution):
    """A distribution that says what it is told to."""

    def __init__(self, version: str, requires: Sequence[str]) -> None:
        self._version, self._requires = version, list(requires)

    @property
    def version(self) -> str:
        return self._version

    @property
    def requires(self) -> list[str]:
        return self._requires

    def read_text(self, filename: str) -> str | None:
        return None

    def locate_file(self, path: object) -> None:  # type: ignore[override]  # nothing is located
        return None


def find(name: str) -> Distribution:
    there = {
        "ipexenv": Played(
            "0.1.0", ["packaging>=26", "tomli; python_version < '3.11'", "uv; extra == 'uv'", "Rich", "!"]
        ),
        "packaging": Played("26.0", []),
        "rich": Played("14.0", ["pygments", "packaging"]),
        "pygments": Played("2.19", ["rich"]),
    }
    if name not in there:
        raise PackageNotFoundError(name)
    return there[name]


def test_ipexenv_is_pinned_with_all_that_it_needs() -> None:
    assert own_pins("3.11", find) == ("packaging==26.0", "pygments==2.19", "rich==14.0")
    assert own_pins("3.10", find) == own_pins("3.11", find), "what is not installed here has no known version"
    names = {Requirement(pin).name for pin in own_pins("3.11")}
    assert names >= {"packaging", "requests", "rich", "urllib3"}
    assert "uv" not in names


def test_odd_pythons_want_an_image_of_one_s_own() -> None:
    tables = load_tables(None)
    for there in (platform(libc_family="musl"), platform(free_threaded=True)):
        with pytest.raises(UsageError) as caught:
            described_container(target(platform=there), tables, lock_name="pylock.toml")
        assert caught.value.code == "no-image"
        own = named_base("team/python:3.13t")
        described = described_container(target(platform=there), tables, lock_name="pylock.toml", base=own)
        assert described.base == own


def test_libraries_come_from_the_row_of_the_chosen_release() -> None:
    tables = load_tables(None)
    for version, libraries in (("1.13.0", ("libxml2.so.2", "libz.so.1")), ("2.8.0+cpu", ())):
        files = (wheel("intel_extension_for_pytorch", version, "cp310-cp310-manylinux2014_x86_64"),)
        described = described_container(target("3.10", files=files), tables, lock_name="pylock.toml")
        assert described.libraries == libraries
