"""Dependency confusion: an index that offers names, versions and files of others is believed in nothing that counts."""

from __future__ import annotations

import hashlib
import sys
from typing import TYPE_CHECKING

import pytest

from tests.bridges import played_bridge
from tests.integration.sites import fingerprint, ipexenv, make_venv, quiet_world
from tests.servers import Site, serving, tables_with
from tests.wheels import build_wheel, fake_bindings, fake_ipex, fake_torch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ipexenv.system.world import World
    from tests.integration.sites import Ended

pytestmark = pytest.mark.slow

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
ENGINES = ("pip", "uv")
ENTRANCES = ("extra index", "source", "both")
EVIL = '__version__ = "2.8.0"\nEVIL = True\n'


@pytest.fixture
def honest() -> Iterator[Site]:
    with serving() as site:
        yield site


@pytest.fixture
def hostile() -> Iterator[Site]:
    with serving() as site:
        yield site


@pytest.fixture
def wheels(tmp_path: Path) -> list[Path]:
    """Return what the honest index has."""
    folder = tmp_path / "wheels"
    return [
        fake_torch(folder, "2.8.0", PYTHON),
        fake_ipex(folder, "2.8.0", PYTHON),
        build_wheel(folder, "numpy", "1.26.4"),
    ]


@pytest.fixture
def evil(tmp_path: Path, wheels: list[Path]) -> list[Path]:
    """Return what the hostile index has: newer versions, and files of the same name with something else inside."""
    folder = tmp_path / "evil"
    tags = {wheel.name.split("-")[0]: wheel.stem.split("-", 2)[2] for wheel in wheels}
    return [
        build_wheel(folder, "torch", "2.8.0", tags["torch"], files={"torch/__init__.py": EVIL}),
        build_wheel(folder, "torch", "2.8.0+evil", tags["torch"], files={"torch/__init__.py": EVIL}),
        build_wheel(folder, "torch", "2.8.0.post1", tags["torch"], files={"torch/__init__.py": EVIL}),
        fake_ipex(folder, "2.8.0.post1", PYTHON),
        fake_ipex(folder, "99.0", PYTHON),
        fake_bindings(folder, "99.0", PYTHON),
        build_wheel(folder, "oneccl_bind_pt", "99.0"),
        build_wheel(folder, "ipexenv_oneccl_bridge", "99.0"),
    ]


@pytest.fixture
def tables(tmp_path: Path, wheels: list[Path]) -> str:
    """Return tables that know the honest files by their SHA-256, as the shipped ones know the real files."""
    folder = tables_with(tmp_path / "tables", [])
    played_bridge(folder, tmp_path / "parts")
    rows = [
        f'"{wheel.name}" = ["{digest(wheel)}", {wheel.stat().st_size}]' for wheel in wheels if "numpy" not in wheel.name
    ]
    head = 'source = ["a test"]\nseen = "2026-01-01"\nconfidence = "inferred"\n[files]\n'
    (folder / "hashes.toml").write_text(head + "\n".join(rows) + "\n", encoding="utf-8")
    return str(folder)


def digest(wheel: Path) -> str:
    return hashlib.sha256(wheel.read_bytes()).hexdigest()


def far(tmp_path: Path, tables: str, *, index: str, extra: str | None = None) -> World:
    settings = {"PIP_INDEX_URL": index, "IPEXENV_TABLES": tables, "IPEXENV_CACHE_DIR": str(tmp_path / "cache")}
    return quiet_world(tmp_path, **settings, **({} if extra is None else {"PIP_EXTRA_INDEX_URL": extra}))


def at_hostile(hostile: Site, evil: list[Path], entrance: str) -> tuple[str | None, tuple[str, ...]]:
    """Return the hostile index as an extra index of the engine, or as words for the command line, or both."""
    url = hostile.simple("/simple", evil, as_json=True)
    return (None if entrance == "source" else url), (() if entrance == "extra index" else ("--source", url))


def contents(venv: Path) -> dict[str, str]:
    site_packages = next((venv / "lib").glob("python3*")) / "site-packages"
    return {
        "torch": (site_packages / "torch/__init__.py").read_text("utf-8"),
        **{
            folder.name.split("-")[0]: folder.name.removesuffix(".dist-info").split("-")[1]
            for folder in site_packages.glob("*.dist-info")
            if not folder.name.startswith("torch-")
        },
    }


def refused(ended: Ended, code: str) -> dict[str, str]:
    assert ended.code != 0, ended.document
    assert ended.problem["code"] == code, ended.document
    rejections: list[dict[str, str]] = ended.data["rejections"]
    return {rejection["release"]: rejection["rule"] for rejection in rejections}


@pytest.mark.parametrize("entrance", ENTRANCES)
@pytest.mark.parametrize("engine", ENGINES)
def test_nothing_of_the_hostile_index_is_chosen(
    tmp_path: Path,
    honest: Site,
    hostile: Site,
    wheels: list[Path],
    evil: list[Path],
    *,
    tables: str,
    engine: str,
    entrance: str,
) -> None:
    extra, source = at_hostile(hostile, evil, entrance)
    world = far(tmp_path, tables, index=honest.simple("/simple", wheels, as_json=True), extra=extra)
    venv = make_venv(tmp_path / "v")
    ended = ipexenv(world, "install", "--venv", "v", "--engine", engine, *source)
    assert ended.code == 0, (ended.document, ended.stderr)
    assert ended.versions() == {"torch": "2.8.0", "intel_extension_for_pytorch": "2.8.0"}
    found = contents(venv)
    assert "EVIL" not in found.pop("torch")
    assert found == {"intel_extension_for_pytorch": "2.8.0"}
    assert not any(path.endswith(".whl") for path in hostile.asked)


@pytest.mark.parametrize("entrance", ENTRANCES)
def test_nothing_of_the_hostile_index_gets_into_a_lock(
    tmp_path: Path, honest: Site, hostile: Site, wheels: list[Path], evil: list[Path], *, tables: str, entrance: str
) -> None:
    extra, source = at_hostile(hostile, evil, entrance)
    world = far(tmp_path, tables, index=honest.simple("/simple", wheels, as_json=True), extra=extra)
    for engine in ENGINES:
        ended = ipexenv(world, "lock", "--venv", "new", "--engine", engine, *source)
        assert ended.code == 0, (ended.document, ended.stderr)
        assert hostile.url not in (tmp_path / "pylock.toml").read_text("utf-8")


@pytest.mark.parametrize("entrance", ENTRANCES)
def test_where_the_hostile_index_is_the_only_one_the_answer_is_no(
    tmp_path: Path, honest: Site, hostile: Site, wheels: list[Path], evil: list[Path], *, tables: str, entrance: str
) -> None:
    extra, source = at_hostile(hostile, evil, entrance)
    world = far(tmp_path, tables, index=honest.simple("/simple", wheels[1:], as_json=True), extra=extra)
    venv = make_venv(tmp_path / "v")
    before = fingerprint(venv)
    ended = ipexenv(world, "install", "--venv", "v", "--torch", "2.8", *source)
    assert refused(ended, "no-source")["torch 2.8.0"] == "wrong-file"
    assert any("with SHA-256" in cause and "the published file has" in cause for cause in ended.problem["causes"])
    assert fingerprint(venv) == before
    assert not any(path.endswith(".whl") for path in hostile.asked)


def test_a_lock_that_names_a_false_file_is_refused(
    tmp_path: Path, honest: Site, hostile: Site, wheels: list[Path], evil: list[Path], *, tables: str
) -> None:
    """As made with older tables, which did not know the file yet."""
    url = hostile.simple("/simple", [*evil[:1], *wheels[1:]], as_json=True)
    ignorant = str(tables_with(tmp_path / "older", []))
    world = far(tmp_path, ignorant, index=url)
    assert ipexenv(world, "lock", "--venv", "new", "--ccl", "none").code == 0
    ended = ipexenv(far(tmp_path, tables, index=url), "wheelhouse", "house", "--from-lock", "pylock.toml")
    assert (ended.code, ended.problem["code"]) == (3, "wrong-file")
    assert wheels[0].name in ended.problem["message"]
    assert list(tmp_path.glob("house/*.whl")) == []


@pytest.mark.parametrize("engine", ENGINES)
def test_with_require_known_a_file_of_no_table_is_not_taken(
    tmp_path: Path, honest: Site, wheels: list[Path], tables: str, *, engine: str
) -> None:
    other = fake_torch(tmp_path / "other", "2.8.0+cpu", PYTHON)
    index = honest.simple("/simple", wheels[1:], as_json=True)
    source = honest.find_links("/other.html", [other], folder="/other")
    world = far(tmp_path, tables, index=index)
    make_venv(tmp_path / "v")
    command = ("install", "--venv", "v", "--engine", engine, "--source", source, "--torch", "2.8")
    assert refused(ipexenv(world, *command, "--require-known"), "no-source")["torch 2.8.0"] == "unknown-file"
    honest.simple("/simple", wheels, as_json=True)
    known = ipexenv(world, *command, "--require-known")
    assert known.code == 0, known.document
    assert known.versions()["torch"] == "2.8.0"
