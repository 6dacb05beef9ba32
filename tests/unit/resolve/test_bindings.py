"""Intel's bindings by their exact table."""

from __future__ import annotations

import pytest
from packaging.version import Version

from ipexenv.resolve.bindings import last_for_cpu, meant_version
from tests.unit.resolve.builders import bindings, small_tables, tables


@pytest.mark.parametrize(
    ("text", "version"),
    [("2.7", "2.7.0"), ("2.7.0+cpu", "2.7.0"), ("1.13", "1.13.0"), ("1.12.10", "1.12.100"), ("2.0.1", None)],
)
def test_what_a_version_means(text: str, version: str | None) -> None:
    assert meant_version(text, tables()).version == (None if version is None else Version(version))


def test_the_last_bindings_for_cpu() -> None:
    last = last_for_cpu(tables())
    assert last is not None
    assert str(last.version) == "2.7.0"
    assert last_for_cpu(small_tables(bindings("1.9", wheel=False))) is None
