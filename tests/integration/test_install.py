"""`install` with real pip and real uv, from played sources, into real environments."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.bridges import TAG, played_bridge
from tests.fakes import FakeHttp
from tests.integration.sites import fingerprint, interpreters, ipexenv, make_venv, quiet_world, uv_program
from tests.servers import AUTHORITY, Site, closed_port, serving, tables_with
from tests.wheels import build_wheel, fake_bindings, fake_ipex, fake_torch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.sites import Ended

pytestmark = pytest.mark.slow

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
IPEX = "intel-extension-for-pytorch"
BRIDGE = "ipexenv-oneccl-bridge"
BRIDGE_VERSION = "2022.2.0+ipexenv.bridge.1"
PARTS = (("oneccl", "2022.2.0"), ("oneccl_cpu", "2022.2.0"), ("impi_rt", "2021.18.0"))
ENGINES = ("pip", "uv")


@pytest.fixture
def site() -> Iterator[Site]:
    with serving() as site:
        yield site


@pytest.fixture
def wheels(tmp_path: Path) -> list[Path]:
    """Return a package index's content: two torches, their IPEX, and what these need."""
    folder = tmp_path / "wheels"
    return [
        fake_torch(folder, "2.7.0", PYTHON),
        fake_torch(folder, "2.8.0", PYTHON),
        fake_ipex(folder, "2.7.0", PYTHON),
        fake_ipex(folder, "2.8.0", PYTHON),
        build_wheel(folder, "numpy", "1.26.4"),
    ]


@pytest.fixture
def index(site: Site, wheels: list[Path]) -> str:
    return site.simple("/simple", wheels, as_json=True)


@pytest.fixture
def tables(tmp_path: Path) -> str:
    """Return tables that name no source."""
    return str(tables_with(tmp_path / "tables", []))


def tables_naming(tmp_path: Path, url: str) -> str:
    return str(tables_with(tmp_path / "named", [("intel-us", url, "simple", ("oneccl-bind-pt",))]))


def done(ended: Ended) -> Ended:
    assert ended.code == 0, (ended.document, ended.stderr)
    return ended


def site_packages(venv: Path) -> Path:
    return next((venv / "lib").glob("python3*")) / "site-packages"


@pytest.mark.parametrize("engine", ENGINES)
def test_a_new_environment_is_made_filled_and_left_alone_the_second_time(
    tmp_path: Path, index: str, tables: str, site: Site, engine: str
) -> None:
    world = quiet_world(tmp_path, PIP_INDEX_URL=index)
    played_bridge(Path(tables), tmp_path / "parts")
    site.simple("/simple", (tmp_path / "parts").iterdir())
    command = ("install", "--venv", "fresh", "--tables", tables, "--engine", engine)
    first = done(ipexenv(world, *command))
    assert first.data["changed"] is True
    assert first.data["plan"]["venv"] == str(tmp_path / "fresh")
    assert first.versions() == {"torch": "2.8.0", "intel_extension_for_pytorch": "2.8.0", BRIDGE: BRIDGE_VERSION}
    assert (tmp_path / "fresh/bin/pip").exists()
    assert "plan with" in first.stderr
    before = fingerprint(tmp_path / "fresh")
    site.asked.clear()
    second = done(ipexenv(replace(world, http=FakeHttp()), *command))
    assert (second.data["changed"], second.data["plan"]["changes"], second.data["sources"]) == (False, [], [])
    assert site.asked == []
    assert fingerprint(tmp_path / "fresh") == before


@pytest.mark.parametrize("engine", ENGINES)
def test_the_installed_torch_stays_byte_by_byte(
    tmp_path: Path, index: str, tables: str, wheels: list[Path], engine: str
) -> None:
    venv = make_venv(tmp_path / "v")
    folder = ("--offline", "--source", str(tmp_path / "wheels"))
    done(ipexenv(quiet_world(tmp_path), "install", "--stack", "native", "--torch", "2.7.0", "--venv", "v", *folder))
    torch = site_packages(venv) / "torch"
    before = fingerprint(torch), fingerprint(site_packages(venv) / "torch-2.7.0.dist-info")
    world = quiet_world(tmp_path, PIP_INDEX_URL=index, PIP_UPGRADE="1", UV_UPGRADE="1")
    ended = done(ipexenv(world, "install", "--venv", "v", "--tables", tables, "--engine", engine))
    assert [change["name"] for change in ended.data["plan"]["changes"]] == ["intel_extension_for_pytorch"]
    assert "torch==2.7.0" in ended.data["plan"]["constraints"]
    assert ended.data["plan"]["way_back"] == {"install": [], "uninstall": ["intel_extension_for_pytorch"]}
    assert (fingerprint(torch), fingerprint(site_packages(venv) / "torch-2.7.0.dist-info")) == before


@pytest.mark.parametrize("engine", ENGINES)
def test_torch_changes_with_consent_alone(tmp_path: Path, index: str, tables: str, engine: str) -> None:
    make_venv(tmp_path / "v")
    world = quiet_world(tmp_path, PIP_INDEX_URL=index)
    command = ("install", "--venv", "v", "--tables", tables, "--engine", engine)
    done(ipexenv(world, *command, "--torch", "2.7"))
    before = fingerprint(tmp_path / "v")
    refused = ipexenv(world, *command, "--torch", "2.8")
    assert refused.code == 1
    assert "--allow-torch-change" in refused.problem["hint"]
    planned = done(ipexenv(world, *command, "--torch", "2.8", "--allow-torch-change", "--dry-run"))
    assert planned.data["changed"] is False
    assert fingerprint(tmp_path / "v") == before
    ended = done(ipexenv(world, *command, "--torch", "2.8", "--allow-torch-change"))
    assert ended.data["plan"]["way_back"]["install"] == ["torch==2.7.0", "intel_extension_for_pytorch==2.7.0"]
    assert ended.data["plan"]["changes"] == planned.data["plan"]["changes"]


@pytest.mark.parametrize("engine", ENGINES)
def test_an_environment_made_for_an_install_that_fails_is_removed(
    tmp_path: Path, index: str, tables: str, site: Site, wheels: list[Path], *, engine: str
) -> None:
    site.fail(f"/files/{wheels[3].name}", 403)
    world = quiet_world(tmp_path, PIP_INDEX_URL=index)
    if engine == "uv":
        (tmp_path / "fresh").mkdir()
    ended = ipexenv(world, "install", "--venv", "fresh", "--tables", tables, "--engine", engine)
    assert (ended.code, ended.problem["code"]) == (3, "forbidden")
    assert ended.data["plan"]["venv"] == str(tmp_path / "fresh")
    assert not list((tmp_path / "fresh").iterdir()) if engine == "uv" else not (tmp_path / "fresh").exists()


@pytest.mark.parametrize("engine", ENGINES)
def test_names_that_someone_slips_in_are_not_taken(tmp_path: Path, site: Site, wheels: list[Path], engine: str) -> None:
    hostile = tmp_path / "hostile"
    index = site.simple(
        "/hostile",
        [
            *wheels,
            build_wheel(hostile, "oneccl_bind_pt", "99.0"),
            fake_bindings(hostile, "2.7.0", PYTHON),
            fake_ipex(hostile, "2.8.0.post1", PYTHON),
            fake_ipex(hostile, "2.7.0.post9", PYTHON),
            build_wheel(hostile, "ipexenv_oneccl_bridge", BRIDGE_VERSION),
            *(build_wheel(hostile, name, version, TAG) for name, version in PARTS),
        ],
    )
    intel = site.simple("/us", [fake_bindings(tmp_path / "true", "2.7.0", PYTHON)], folder="/true")
    make_venv(tmp_path / "v")
    world = quiet_world(tmp_path, PIP_INDEX_URL=index, PIP_FIND_LINKS=str(hostile))
    command = ("install", "--venv", "v", "--engine", engine, "--torch", "2.7.0")
    ended = done(ipexenv(world, *command, "--tables", tables_naming(tmp_path, intel)))
    assert ended.versions() == {
        "torch": "2.7.0",
        "intel_extension_for_pytorch": "2.7.0",
        "oneccl_bind_pt": "2.7.0+cpu",
    }
    private = ("oneccl-bind-pt", "oneccl_bind_pt", "ipexenv")
    assert not [
        path for path in site.asked if path.startswith(("/hostile", "/files")) and any(map(path.count, private))
    ]
    unnamed = done(ipexenv(world, *command, "--dry-run", "--tables", tables_naming(tmp_path, closed_port())))
    assert unnamed.versions().keys() == ended.versions().keys()
    fresh = ("install", "--venv", "w", "--engine", engine, "--torch", "2.7.0", "--ccl", "bindings")
    refused = ipexenv(world, *fresh, "--tables", tables_naming(tmp_path, closed_port()))
    assert refused.code in {1, 3}
    refused = ipexenv(world, *fresh[:-1], "bridge", "--tables", tables_naming(tmp_path, intel))
    assert refused.problem["code"] == "bridge-part-differs"
    assert not (tmp_path / "w").exists()


@pytest.mark.parametrize("engine", ENGINES)
def test_a_folder_of_wheels_is_enough_offline(tmp_path: Path, wheels: list[Path], tables: str, engine: str) -> None:
    make_venv(tmp_path / "v")
    fake_bindings(tmp_path / "wheels", "2.7.0", PYTHON)
    world = replace(quiet_world(tmp_path, PIP_INDEX_URL=closed_port()), http=FakeHttp())
    command = ("install", "--venv", "v", "--tables", tables, "--engine", engine, "--offline", "--torch", "2.7.0")
    ended = done(ipexenv(world, *command, "--source", "wheels"))
    assert ended.versions()["oneccl_bind_pt"] == "2.7.0+cpu"
    assert [source["state"] for source in ended.data["sources"]] == ["answered"]


@pytest.mark.parametrize("engine", ENGINES)
def test_configured_folders_count_for_both_engines(
    tmp_path: Path, wheels: list[Path], tables: str, engine: str
) -> None:
    make_venv(tmp_path / "v")
    world = quiet_world(tmp_path, PIP_NO_INDEX="1", PIP_FIND_LINKS=str(tmp_path / "wheels"))
    ended = done(ipexenv(world, "install", "--venv", "v", "--tables", tables, "--engine", engine))
    assert ended.versions()["torch"] == "2.8.0"


@pytest.mark.parametrize("engine", ENGINES)
def test_an_extra_index_counts_for_both_engines(
    tmp_path: Path, site: Site, wheels: list[Path], tables: str, engine: str
) -> None:
    main = site.simple("/main", [wheels[0], wheels[2]])
    extra = site.simple("/extra", [wheels[1], wheels[3], wheels[4]])
    make_venv(tmp_path / "v")
    world = quiet_world(tmp_path, PIP_INDEX_URL=main, PIP_EXTRA_INDEX_URL=extra)
    ended = done(ipexenv(world, "install", "--venv", "v", "--tables", tables, "--engine", engine))
    assert ended.versions()["torch"] == "2.8.0"


@pytest.mark.parametrize("engine", ENGINES)
def test_a_constraint_that_is_configured_is_obeyed_and_named(
    tmp_path: Path, index: str, tables: str, engine: str
) -> None:
    (tmp_path / "constraints.txt").write_text("torch<2.8\n", encoding="utf-8")
    make_venv(tmp_path / "v")
    world = quiet_world(tmp_path, PIP_INDEX_URL=index, PIP_CONSTRAINT=str(tmp_path / "constraints.txt"))
    ended = ipexenv(world, "install", "--venv", "v", "--tables", tables, "--engine", engine, "--torch", "2.8")
    assert (ended.code, ended.problem["code"]) == (3, "no-source")
    assert f"constraint: torch<2.8, from {tmp_path / 'constraints.txt'}" in ended.stderr
    ended = done(ipexenv(world, "install", "--venv", "v", "--tables", tables, "--engine", engine))
    assert ended.versions()["torch"] == "2.7.0"


@pytest.mark.parametrize("engine", ENGINES)
def test_credentials_open_the_source_and_show_nowhere(tmp_path: Path, index: str, site: Site, engine: str) -> None:
    bindings = fake_bindings(tmp_path / "true", "2.7.0", PYTHON)
    page = site.simple("/us", [bindings], folder="/true").replace("http://", "http://me:hunter2@")
    make_venv(tmp_path / "v")
    world = quiet_world(tmp_path, PIP_INDEX_URL=index.replace("http://", "http://me:opensesame@"))
    tables = tables_naming(tmp_path, closed_port())
    command = ("install", "--venv", "v", "--tables", tables, "--engine", engine, "--torch", "2.7.0", "--source", page)
    ended = done(ipexenv(world, *command, "-v"))
    assert ended.versions()["oneccl_bind_pt"] == "2.7.0+cpu"
    for secret in ("hunter2", "opensesame"):
        assert secret not in str(ended.document)
        assert secret not in ended.stderr
    given = dict(zip(site.asked, site.authorizations, strict=True))
    assert given[f"/true/{bindings.name}"] == "Basic bWU6aHVudGVyMg=="


def test_pip_without_pip_in_the_target(tmp_path: Path, index: str, tables: str) -> None:
    venv = make_venv(tmp_path / "v")
    world = quiet_world(tmp_path, PIP_INDEX_URL=index)
    ended = done(ipexenv(world, "install", "--venv", "v", "--tables", tables, "--engine", "pip"))
    assert ended.versions()["torch"] == "2.8.0"
    assert not (venv / "bin/pip").exists()


def test_uv_is_taken_where_it_is_there(tmp_path: Path, index: str, tables: str) -> None:
    assert uv_program() is not None
    world = quiet_world(tmp_path, PIP_INDEX_URL=index)
    ended = done(ipexenv(world, "install", "--venv", "v", "--tables", tables, "--dry-run"))
    assert ended.data["plan"]["engine"] == "uv"
    assert not (tmp_path / "v").exists()


@pytest.mark.parametrize("engine", ENGINES)
def test_numpy_is_moved_where_torch_needs_an_older_one(tmp_path: Path, site: Site, tables: str, engine: str) -> None:
    minor, python = next(
        (minor, program) for minor, program in interpreters().items() if minor in {"3.9", "3.10", "3.11"}
    )
    folder = tmp_path / "wheels"
    listed = [
        fake_torch(folder, "2.1.0", minor),
        build_wheel(folder, "numpy", "2.1.0"),
        build_wheel(folder, "numpy", "1.26.4"),
    ]
    world = quiet_world(tmp_path, PIP_INDEX_URL=site.simple("/simple", listed))
    venv = make_venv(tmp_path / "v", python)
    pip = [sys.executable, "-m", "pip", "--python", str(venv / "bin/python"), "install", "-q"]
    subprocess.run([*pip, *listed[:2]], env=dict(world.env), check=True)
    ended = done(ipexenv(world, "install", "--venv", "v", "--tables", tables, "--engine", engine, "--stack", "native"))
    assert [(change["name"], change["before"], change["after"]) for change in ended.data["plan"]["changes"]] == [
        ("numpy", "2.1.0", "<2")
    ]
    assert (site_packages(venv) / "numpy-1.26.4.dist-info").is_dir()


@pytest.mark.parametrize("engine", ENGINES)
def test_an_authority_that_pip_is_told_to_trust_counts_for_all(
    tmp_path: Path, wheels: list[Path], tables: str, engine: str
) -> None:
    make_venv(tmp_path / "v")
    with serving(tls=True) as site:
        world = quiet_world(tmp_path, PIP_INDEX_URL=site.simple("/simple", wheels), PIP_CERT=str(AUTHORITY))
        ended = done(ipexenv(world, "install", "--venv", "v", "--tables", tables, "--engine", engine))
    assert ended.versions()["torch"] == "2.8.0"


@pytest.mark.parametrize("engine", ENGINES)
def test_a_trusted_host_counts_for_all(tmp_path: Path, wheels: list[Path], tables: str, engine: str) -> None:
    make_venv(tmp_path / "v")
    with serving(tls=True) as site:
        world = quiet_world(tmp_path, PIP_INDEX_URL=site.simple("/simple", wheels), PIP_TRUSTED_HOST="127.0.0.1")
        done(ipexenv(world, "install", "--venv", "v", "--tables", tables, "--engine", engine))


@pytest.mark.parametrize("engine", ENGINES)
def test_several_folders_count_for_both_engines(tmp_path: Path, wheels: list[Path], tables: str, engine: str) -> None:
    make_venv(tmp_path / "v")
    (tmp_path / "more").mkdir()
    for wheel in wheels[2:]:
        wheel.rename(tmp_path / "more" / wheel.name)
    folders = f"{tmp_path / 'wheels'} {tmp_path / 'more'}"
    world = quiet_world(tmp_path, PIP_NO_INDEX="1", PIP_FIND_LINKS=folders)
    done(ipexenv(world, "install", "--venv", "v", "--tables", tables, "--engine", engine))


@pytest.mark.parametrize("engine", ENGINES)
def test_a_yanked_release_needs_consent_and_is_then_had(tmp_path: Path, site: Site, tables: str, engine: str) -> None:
    minor, python = next(
        (minor, program) for minor, program in interpreters().items() if minor in {"3.8", "3.9", "3.10"}
    )
    folder = tmp_path / "wheels"
    ipex = fake_ipex(folder, "1.12.300", minor)
    listed = [fake_torch(folder, "1.12.1", minor), ipex, build_wheel(folder, "numpy", "1.26.4")]
    index = site.simple("/simple", listed)
    row = f'<a href="/files/{ipex.name}" data-yanked="for security.">x</a>'
    site.serve(f"/simple/{IPEX}/", f"<html><body>{row}</body></html>")
    world = quiet_world(tmp_path, PIP_INDEX_URL=index)
    make_venv(tmp_path / "v", python)
    command = ("install", "--venv", "v", "--tables", tables, "--engine", engine, "--torch", "1.12.1", "--ccl", "none")
    refused = ipexenv(world, *command)
    assert (refused.code, refused.problem["code"]) == (1, "yanked-refused")
    ended = done(ipexenv(world, *command, "--allow-yanked"))
    assert [(pin["version"], pin["yanked"]) for pin in ended.data["pins"]][1] == ("1.12.300", "for security.")
