"""Intel's index and find-links page, replayed on loopback with small fakes of true names and tags."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ipexenv.tables.load import load_tables
from tests.integration.sites import interpreters, ipexenv, make_venv, quiet_world, uv_program
from tests.servers import serving, tables_with
from tests.wheels import build_wheel, fake_bindings, fake_torch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tests.servers import Site

pytestmark = pytest.mark.slow

# torch -> the bindings that Intel's README tables name for it. Source: READMEs of torch-ccl at each tag.
BINDINGS = {
    "1.10.0": "1.10.0",
    "1.11.0": "1.11.0",
    "1.12.0": "1.12.0",
    "1.12.1": "1.12.100",
    "1.13.0": "1.13.0",
    "2.0.0": "2.0.0",
    "2.1.0": "2.1.0",
    "2.2.0": "2.2.0",
    "2.3.0": "2.3.0",
    "2.4.0": "2.4.0",
    "2.5.0": "2.5.0",
    "2.6.0": "2.6.0",
    "2.7.0": "2.7.0",
}
PYTHONS = interpreters()


def pythons_of(torch: str) -> set[str]:
    """Return the Pythons for which the tables have both torch and its bindings."""
    tables = load_tables()
    (of_torch,) = [row.python for row in tables.torch if str(row.version) == torch]
    (of_bindings,) = [row.python for row in tables.oneccl if str(row.version) == BINDINGS[torch] and row.cpu]
    return {str(version) for version in of_torch} & {str(version) for version in of_bindings}


CASES = {minor: [torch for torch in BINDINGS if minor in pythons_of(torch)] for minor in PYTHONS}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("replica")


@pytest.fixture(scope="module")
def site(folder: Path) -> Iterator[Site]:
    """Serve torch from a package index, and every published wheel of the bindings the way Intel does."""
    with serving() as site:
        torches = [fake_torch(folder / "torch", torch, minor) for minor, cases in CASES.items() for torch in cases]
        numpy = build_wheel(folder / "torch", "numpy", "1.26.4")
        site.simple("/simple", [*torches, numpy])
        published = {
            fake_bindings(folder / "intel", str(row.version), str(python))
            for row in load_tables().oneccl
            for python in row.python
            if row.cpu and row.wheel
        }
        site.simple("/release-whl/stable/cpu/us", sorted(published), folder="/torch_ccl/cpu")
        site.find_links("/ipex-whl-stable-cpu", sorted(published), folder="/torch_ccl/cpu")
        yield site


def test_enough_pythons_are_here() -> None:
    assert len(PYTHONS) >= 3, f"the replica needs three Pythons of 3.8 to 3.13, and found {PYTHONS}"


def test_the_tables_have_the_bindings_for_every_python() -> None:
    assert {minor for minor, cases in CASES.items() if cases} == set(PYTHONS)


@pytest.mark.parametrize("minor", PYTHONS)
def test_uv_installs_the_bindings_from_the_index(site: Site, folder: Path, minor: str) -> None:
    tables = tables_with(
        folder / "tables-index", [("intel-us", f"{site.url}/release-whl/stable/cpu/us/", "simple", ("oneccl-bind-pt",))]
    )
    check_every_torch(site, folder, minor, tables, engine="uv", cases=CASES[minor])


@pytest.mark.parametrize("minor", [minor for minor in PYTHONS if minor in {"3.8", "3.10", "3.13"}])
def test_pip_installs_the_bindings_from_the_page_of_links(site: Site, folder: Path, minor: str) -> None:
    tables = tables_with(
        folder / "tables-page", [("intel-us", f"{site.url}/ipex-whl-stable-cpu", "find-links", ("oneccl-bind-pt",))]
    )
    cases = [torch for torch in ("1.12.0", "1.12.1", "2.7.0") if torch in CASES[minor]]
    check_every_torch(site, folder, minor, tables, engine="pip", cases=cases)


def check_every_torch(site: Site, folder: Path, minor: str, tables: Path, *, engine: str, cases: Sequence[str]) -> None:
    if engine == "uv":
        assert uv_program() is not None
    world = quiet_world(folder, PIP_INDEX_URL=f"{site.url}/simple")
    venv = make_venv(folder / f"{engine}-{minor}", PYTHONS[minor])
    common = (
        "--venv",
        str(venv),
        "--tables",
        str(tables),
        "--engine",
        engine,
        "--stack",
        "native",
        "--ccl",
        "bindings",
    )
    assert cases
    for torch in cases:
        ended = ipexenv(world, "install", "--torch", torch, "--allow-torch-change", *common)
        assert ended.code == 0, (torch, ended.document, ended.stderr)
        expected = {"torch": torch, "oneccl_bind_pt": f"{BINDINGS[torch]}+cpu"}
        assert ended.versions() == expected
        assert ended.data["changed"] is True
        assert ended.data["ccl"]["provider"] == "bindings"
        (requirement,) = [text for text in ended.data["plan"]["requirements"] if text.startswith("oneccl_bind_pt")]
        assert requirement.startswith(
            f"oneccl_bind_pt @ {site.url}/torch_ccl/cpu/oneccl_bind_pt-{BINDINGS[torch]}%2Bcpu-"
        )
    again = ipexenv(world, "install", *common)
    assert (again.code, again.data["changed"], again.data["sources"]) == (0, False, [])
