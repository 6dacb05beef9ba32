"""Where no configured index answers, what the user names is all there is."""

from __future__ import annotations

from pathlib import Path

import pytest

from ipexenv.install.alone import nobody_else, with_users_alone
from ipexenv.install.configuration import Configuration
from ipexenv.ruling import SourceReport

INDEX, EXTRA, LINKS = "https://me:secret@a.test/simple", "https://b.test/simple", "https://c.test/links.html"
CONFIGURED = Configuration(index=INDEX, extra_indexes=(EXTRA,), find_links=(LINKS,))


def report(name: str, *, silent: bool = True) -> SourceReport:
    return SourceReport(name=name, url=name, state="failed" if silent else "empty")


def test_all_of_them_have_to_be_silent() -> None:
    silent = [report("https://a.test/simple"), report(EXTRA), report(LINKS)]
    assert nobody_else(CONFIGURED, silent)
    assert not nobody_else(CONFIGURED, silent[:2])
    assert not nobody_else(CONFIGURED, [*silent[:2], report(LINKS, silent=False)])


@pytest.mark.parametrize(
    "configuration", [Configuration(no_index=True), Configuration(index="file:///srv/simple"), Configuration(index="x")]
)
def test_without_an_index_on_the_web_nothing_is_changed(configuration: Configuration) -> None:
    assert not nobody_else(configuration, [])


def test_folders_and_pages_are_looked_through_for_dependencies(tmp_path: Path) -> None:
    left, lines = with_users_alone(CONFIGURED, ["house", "https://u:p@d.test/house/"], tmp_path)
    assert lines == ("--no-index", f"--find-links {tmp_path / 'house'}", "--find-links https://u:p@d.test/house/")
    assert (left.no_index, left.indexes, left.find_links) == (True, (), ())


def test_an_index_is_asked_as_one() -> None:
    left, lines = with_users_alone(CONFIGURED, ["https://d.test/simple/"], Path("/"))
    assert lines == ("--index-url https://d.test/simple/",)
    assert (left.index, left.extra_indexes, left.find_links) == ("https://d.test/simple/", (), ())
