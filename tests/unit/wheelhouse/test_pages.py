from __future__ import annotations

from urllib.parse import urljoin

import pytest
from packaging.version import Version

from ipexenv.install.pages import offers, read_listing
from ipexenv.system.http import Page
from ipexenv.wheelhouse.pages import pages, sums_text
from tests.unit.lock.locks import wheel

FILES = (
    wheel("numpy", "1.26.4"),
    wheel("torch", "2.8.0+cpu", "cp311-cp311-linux_x86_64", yanked='made a "mess" & more'),
    wheel("torch", "2.8.0+cpu", "cp312-cp312-linux_x86_64"),
)
SITE = "http://files.test/some/where/"


def listed(path: str, address: str) -> dict[str, tuple[str, str | None, str | None]]:
    """Return what ipexenv itself reads on a page: file name -> URL, SHA-256, yanked."""
    body = pages(FILES, {})[path].encode()
    links = read_listing(Page(url=urljoin(SITE, address), content_type="text/html", body=body)).links
    found = offers(links, projects=("numpy", "torch"), source="x", configured=False, python=Version("3.11"))
    return {offer.filename: (offer.url, offer.sha256, offer.yanked) for offer in found}


@pytest.mark.parametrize(
    ("path", "address", "projects"),
    [
        ("index.html", "", {"numpy", "torch"}),
        ("simple/torch/index.html", "simple/torch/", {"torch"}),
        ("simple/numpy/index.html", "simple/numpy/", {"numpy"}),
    ],
)
def test_every_page_leads_to_the_files_wherever_it_is_served(path: str, address: str, projects: set[str]) -> None:
    expected = {
        file.filename: (f"{SITE}{file.filename.replace('+', '%2B')}", file.sha256, file.yanked)
        for file in FILES
        if file.project in projects
    }
    assert listed(path, address) == expected


def test_the_root_of_the_index_names_every_project() -> None:
    assert pages(FILES, {})["simple/index.html"].count("<a href=") == 2
    assert '<a href="torch/">torch</a>' in pages(FILES, {})["simple/index.html"]


def test_metadata_beside_a_wheel_is_announced_with_its_hash() -> None:
    text = pages(FILES, {FILES[0].filename: "f" * 64})["simple/numpy/index.html"]
    assert f' data-core-metadata="sha256={"f" * 64}" data-dist-info-metadata="sha256={"f" * 64}"' in text
    assert "metadata" not in pages(FILES, {FILES[0].filename: "f" * 64})["simple/torch/index.html"]


def test_sums_are_as_sha256sum_reads_them() -> None:
    assert sums_text(FILES[:1]) == f"{FILES[0].sha256}  {FILES[0].filename}\n"
