"""`wheelhouse`, and what it is for: the same environment on a machine that reaches nothing else, or nothing at all."""

from __future__ import annotations

import functools
import http.server
import os
import shutil
import subprocess
import sys
import threading
import zipfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ipexenv.bridge.wheel_file import write_wheel
from ipexenv.fetch.staging import sha256_of
from tests.bridges import played_bridge
from tests.integration.sites import fingerprint, interpreters, ipexenv, make_venv, quiet_world, uv_program
from tests.servers import Site, closed_port, serving, tables_with
from tests.wheels import MANYLINUX, build_wheel, fake_ipex, fake_torch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ipexenv.system.world import World
    from tests.integration.sites import Ended

pytestmark = pytest.mark.slow

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
ENGINES = ("pip", "uv")
BRIDGE = "2022.2.0+ipexenv.bridge.1"
BRIDGE_WHEEL = f"ipexenv_oneccl_bridge-{BRIDGE}-py3-none-manylinux_2_28_x86_64.whl"
CHOICE = ("--stack", "native", "--torch", "2.7.0")


@pytest.fixture
def site() -> Iterator[Site]:
    with serving() as site:
        yield site


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    """Return what an index has: torch with two dependencies, one of them in a newer version than fits."""
    folder = tmp_path / "wheels"
    tag = PYTHON.replace(".", "")
    files = {"torch/version.py": '__version__ = "2.7.0+cu126"\ncuda = None\nhip = None\nxpu = None\n'}
    files["torch/__init__.py"] = "from torch.version import __version__\n"
    files["torch/distributed.py"] = "def is_available():\n    return False\n"
    build_wheel(
        folder, "torch", "2.7.0", f"cp{tag}-cp{tag}-{MANYLINUX}", requires=["numpy<2", "ruler[fast]"], files=files
    )
    build_wheel(folder, "numpy", "1.26.4")
    build_wheel(folder, "numpy", "2.1.0")
    build_wheel(folder, "ruler", "1.4", requires=["quick; extra == 'slow'"])
    return folder


@pytest.fixture
def tables(tmp_path: Path, wheels: Path) -> str:
    folder = tables_with(tmp_path / "tables", [])
    played_bridge(folder, wheels)
    return str(folder)


@pytest.fixture
def world(tmp_path: Path, site: Site, wheels: Path, tables: str) -> World:
    index = site.simple("/simple", sorted(wheels.glob("*.whl")), as_json=True)
    return quiet_world(tmp_path, PIP_INDEX_URL=index, IPEXENV_CACHE_DIR=str(tmp_path / "cache"), IPEXENV_TABLES=tables)


def done(ended: Ended) -> Ended:
    assert ended.code == 0, (ended.document, ended.stderr)
    return ended


def fill(world: World, *arguments: str, folder: str = "house") -> Ended:
    return ipexenv(world, "wheelhouse", folder, "--venv", "new", *CHOICE, *arguments)


def install(world: World, venv: str, *arguments: str) -> Ended:
    if not (world.directory / venv).exists():
        make_venv(world.directory / venv)
    return ipexenv(world, "install", "--venv", venv, *CHOICE, *arguments)


def packages(venv: Path) -> dict[str, str]:
    """Return all files of site-packages with their content, and their RECORDs line by line.

    Apart from where a file came from, compiled code, and scripts, which name the environment's own Python.
    """
    site_packages = next((venv / "lib").glob("python3*")) / "site-packages"
    found = {path: state for path, state in fingerprint(site_packages).items() if not _differs(path)}
    for record in site_packages.glob("*.dist-info/RECORD"):
        lines = sorted(record.read_text("utf-8").splitlines())
        found[str(record.relative_to(site_packages))] = "\n".join(line for line in lines if not _differs(line))
    return found


def _differs(path: str) -> bool:
    own = ("direct_url.json", "uv_cache.json", "REQUESTED", "__pycache__", "../bin/", "_virtualenv")
    return any(word in path for word in own) or path.endswith("/RECORD")


@contextmanager
def static_server(folder: Path) -> Iterator[str]:
    """Serve a folder as the standard library's own file server does."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(folder)))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def elsewhere(folder: Path, house: Path, **env: str) -> World:
    """Return the world of another machine: nothing of the first one's caches, and an index that is not there."""
    folder.mkdir()
    shutil.copytree(house, folder / "carried")
    settings = {"PIP_INDEX_URL": closed_port(), "IPEXENV_CACHE_DIR": str(folder / "cache")}
    return quiet_world(folder, **{**settings, **env})


def without_network(world: World, *argv: str) -> subprocess.CompletedProcess[str]:
    """Run a program in a network namespace of its own, in which no interface is up."""
    unshare = shutil.which("unshare")
    allowed = unshare and subprocess.run([unshare, "-n", "true"], capture_output=True, check=False).returncode == 0
    if not allowed:
        pytest.skip("this machine does not let us make a network namespace")
    env = {**world.env, "PYTHONPATH": str(Path(__file__).parents[2])}
    return subprocess.run(
        ["unshare", "-n", *argv], cwd=world.directory, env=env, capture_output=True, text=True, check=False, timeout=600
    )


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.glob("*.whl")}


def test_everything_is_there_and_a_second_run_does_nothing(tmp_path: Path, world: World, site: Site) -> None:
    data = done(fill(world)).data
    house = tmp_path / "house"
    assert names(house) == {file["filename"] for file in data["files"]}
    assert {file.partition("-")[0] for file in names(house)} == {"numpy", "ruler", "torch", "ipexenv_oneccl_bridge"}
    assert (data["changed"], data["built"], data["missing"], data["others"]) == (True, [BRIDGE_WHEEL], [], [])
    assert len(data["fetched"]) == 3
    checked = subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=house, capture_output=True, text=True, check=False)
    assert checked.stdout.count(": OK\n") == 4
    assert not (tmp_path / "new").exists()
    before = fingerprint(house)
    again = done(fill(world)).data
    assert (again["changed"], again["fetched"], again["built"], again["written"]) == (False, [], [], [])
    assert fingerprint(house) == before


def test_a_lock_is_followed_without_asking_an_index_page(tmp_path: Path, world: World, site: Site) -> None:
    done(ipexenv(world, "lock", "--venv", "new", *CHOICE))
    asked = len(site.asked)
    data = done(ipexenv(world, "wheelhouse", "house", "--from-lock", "pylock.toml")).data
    assert {path.rpartition("/")[0] for path in site.asked[asked:]} == {"/files"}
    assert (len(data["fetched"]), data["built"]) == (3, [BRIDGE_WHEEL])
    asked = len(site.asked)
    assert not done(ipexenv(world, "wheelhouse", "house", "--from-lock", "pylock.toml")).data["changed"]
    copied = done(ipexenv(world, "wheelhouse", "second", "--from-lock", "house/pylock.toml")).data
    assert (len(copied["fetched"]), copied["built"]) == (4, [])
    assert len(site.asked) == asked
    assert fingerprint(tmp_path / "second") == fingerprint(tmp_path / "house")


def test_a_damaged_file_is_fetched_again_and_what_is_not_of_the_lock_stays(tmp_path: Path, world: World) -> None:
    done(fill(world, "--no-cache"))
    house = tmp_path / "house"
    whole = fingerprint(house)
    (torch,) = house.glob("torch-*.whl")
    damaged = bytearray(torch.read_bytes())
    damaged[100] ^= 1
    torch.unlink()
    torch.write_bytes(damaged)
    stray = build_wheel(house, "stray", "1.0")
    data = done(fill(world, "--no-cache")).data
    assert (data["fetched"], data["built"], data["others"]) == ([torch.name], [], [stray.name])
    stray.unlink()
    assert fingerprint(house) == whole


def test_what_is_missing_is_named_and_the_next_run_goes_on(tmp_path: Path, world: World, site: Site) -> None:
    done(ipexenv(world, "lock", "--venv", "new", *CHOICE))
    command = ("wheelhouse", "house", "--from-lock", "pylock.toml", "--no-cache")
    (numpy,) = (path for path in site.paths if path.startswith("/files/numpy-1"))
    serve = site.paths.pop(numpy)
    ended = ipexenv(world, *command)
    name = numpy.rpartition("/")[2]
    assert (ended.code, ended.problem["code"]) == (3, "not-found")
    assert name in ended.data["missing"]
    assert any(" of 3 files are missing: " in cause and name in cause for cause in ended.problem["causes"])
    assert not (tmp_path / "house/pylock.toml").exists()
    site.paths[numpy] = serve
    data = done(ipexenv(world, *command)).data
    assert name in data["fetched"]
    assert len(data["fetched"]) == len(ended.data["missing"])
    assert (tmp_path / "house/pylock.toml").is_file()
    assert not (tmp_path / "house/.partial").exists()


@pytest.mark.parametrize("engine", ENGINES)
def test_a_machine_without_any_network_gets_the_same_environment(tmp_path: Path, world: World, engine: str) -> None:
    done(install(world, "online", "--engine", engine))
    done(fill(world))
    far = elsewhere(tmp_path / "far", tmp_path / "house", IPEXENV_TABLES=world.env["IPEXENV_TABLES"])
    make_venv(tmp_path / "far/v")
    command = ("install", "--offline", "--source", "carried", "--venv", "v", "--engine", engine, *CHOICE)
    ended = without_network(far, sys.executable, "-m", "ipexenv", *command)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    found = packages(tmp_path / "far/v")
    assert found == packages(tmp_path / "online")
    assert "ipexenv_oneccl_bridge/__init__.py" in found


def test_uv_installs_the_lock_of_the_folder_without_any_network(tmp_path: Path, world: World) -> None:
    done(install(world, "online", "--engine", "uv"))
    done(fill(world))
    far = elsewhere(tmp_path / "far", tmp_path / "house")
    venv, program = make_venv(tmp_path / "far/v"), uv_program()
    assert program is not None
    command = (
        program,
        "pip",
        "install",
        "--offline",
        "--python",
        str(venv / "bin/python"),
        "-r",
        "carried/pylock.toml",
    )
    ended = without_network(far, *command)
    assert ended.returncode == 0, ended.stderr
    assert packages(venv) == packages(tmp_path / "online")


def test_pip_installs_from_the_folder_by_its_exported_requirements(tmp_path: Path, world: World) -> None:
    done(install(world, "online", "--engine", "pip", "--ccl", "none"))
    done(fill(world, "--ccl", "none"))
    far = elsewhere(tmp_path / "far", tmp_path / "house")
    done(ipexenv(far, "export", "--from-lock", "carried/pylock.toml", "-o", "requirements.txt"))
    venv = make_venv(tmp_path / "far/v")
    pip = (sys.executable, "-I", "-m", "pip", "--python", str(venv / "bin/python"), "install", "--no-compile")
    command = (*pip, "--no-index", "--find-links", "carried", "--require-hashes", "-r", "requirements.txt")
    ended = without_network(far, *command)
    assert ended.returncode == 0, ended.stderr
    assert packages(venv) == packages(tmp_path / "online")


@pytest.mark.parametrize("engine", ENGINES)
def test_any_file_server_makes_it_a_source(tmp_path: Path, world: World, engine: str) -> None:
    done(install(world, "online", "--engine", engine))
    done(fill(world))
    with static_server(tmp_path / "house") as url:
        env = {"IPEXENV_TABLES": world.env["IPEXENV_TABLES"], "PIP_INDEX_URL": f"{url}/simple"}
        far = elsewhere(tmp_path / "far", tmp_path / "tables", **env)
        done(install(far, "v", "--source", url, "--engine", engine))
    assert packages(tmp_path / "far/v") == packages(tmp_path / "online")


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("page", ["", "/index.html", "/simple"])
def test_where_no_index_answers_its_server_is_enough(tmp_path: Path, world: World, page: str, engine: str) -> None:
    """torch and what it depends on come from the one place that the user names."""
    done(install(world, "online", "--engine", engine))
    done(fill(world))
    with static_server(tmp_path / "house") as url:
        far = elsewhere(tmp_path / "far", tmp_path / "tables", IPEXENV_TABLES=world.env["IPEXENV_TABLES"])
        ended = done(install(far, "v", "--source", url + page, "--engine", engine))
        assert "no index answers: dependencies come from what --source names as well" in ended.stderr
        if page == "":
            # What the bridge is made from is not in the folder: the folder's own lock has its wheel.
            without = ("--venv", "new", "--source", url, "--engine", engine, *CHOICE, "--ccl", "none")
            done(ipexenv(far, "lock", *without))
            assert "numpy-1.26.4-" in (tmp_path / "far/pylock.toml").read_text("utf-8")
    assert packages(tmp_path / "far/v") == packages(tmp_path / "online")


@pytest.mark.parametrize("engine", ENGINES)
def test_offline_nothing_is_asked_at_all(tmp_path: Path, world: World, site: Site, engine: str) -> None:
    """Neither the index, which has what is missing in the folder, nor anybody else."""
    done(fill(world))
    (numpy,) = (tmp_path / "house").glob("numpy-*.whl")
    numpy.rename(tmp_path / numpy.name)
    shutil.rmtree(tmp_path / "cache")
    site.asked.clear()
    ended = install(world, "v", "--offline", "--source", "house", "--engine", engine)
    assert (ended.code, ended.data["changed"], site.asked) == (3, False, [])
    assert "numpy" in str(ended.problem)


@pytest.mark.parametrize("engine", ENGINES)
def test_with_require_known_the_bridge_of_the_folder_is_taken_if_it_is_ours(
    tmp_path: Path, world: World, wheels: Path, engine: str
) -> None:
    known = {wheel.name: (sha256_of(wheel), wheel.stat().st_size) for wheel in wheels.glob("torch-*.whl")}
    rows = "".join(f'"{name}" = ["{sha256}", {size_bytes}]\n' for name, (sha256, size_bytes) in known.items())
    head = 'source = ["a test"]\nseen = "2026-01-01"\nconfidence = "inferred"\n[files]\n'
    (tmp_path / "tables/hashes.toml").write_text(head + rows, encoding="utf-8")
    done(fill(world))
    command = ("--require-known", "--offline", "--source", "house", "--engine", engine)
    done(install(world, "v", *command))
    assert "ipexenv_oneccl_bridge/__init__.py" in packages(tmp_path / "v")
    bridge = tmp_path / "house" / BRIDGE_WHEEL
    with zipfile.ZipFile(bridge) as archive:
        entries = {item: archive.read(item) for item in archive.infolist()}
    other = {name: data for name, data in entries.items() if not name.filename.endswith("/RECORD")}
    place = next(name for name in other if name.filename == "oneccl_bindings_for_pytorch/__init__.py")
    other[place] += b"import evil\n"
    bridge.unlink()
    write_wheel(
        bridge, {item.filename: data for item, data in other.items()}, info=f"ipexenv_oneccl_bridge-{BRIDGE}.dist-info"
    )
    for words in (("--from-lock", "house/pylock.toml"), ()):
        ended = install(world, "w", *command, "--no-cache", *words)
        assert (ended.code, ended.data["changed"]) == (3, False), ended.document
        assert BRIDGE_WHEEL in str(ended.problem)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_lock_made_today_installs_where_only_the_folder_is_reached(tmp_path: Path, world: World, engine: str) -> None:
    """By a copy of the folder, and by a server of it; the lock alone, as it was made, is enough beside them."""
    done(install(world, "online", "--engine", engine))
    done(ipexenv(world, "lock", "--venv", "new", *CHOICE))
    done(ipexenv(world, "wheelhouse", "house", "--from-lock", "pylock.toml"))
    far = elsewhere(tmp_path / "far", tmp_path / "house", IPEXENV_TABLES=world.env["IPEXENV_TABLES"])
    make_venv(tmp_path / "far/v")
    command = ("install", "--offline", "--from-lock", "carried/pylock.toml", "--venv", "v", "--engine", engine)
    ended = without_network(far, sys.executable, "-m", "ipexenv", *command)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert packages(tmp_path / "far/v") == packages(tmp_path / "online")
    shutil.copy(tmp_path / "house/pylock.toml", tmp_path / "far/pylock.served.toml")
    with static_server(tmp_path / "house") as url:
        make_venv(tmp_path / "far/w")
        words = ("--from-lock", "pylock.served.toml", "--source", url, "--venv", "w", "--engine", engine)
        done(ipexenv(far, "install", *words))
    assert packages(tmp_path / "far/w") == packages(tmp_path / "online")


@pytest.mark.parametrize("engine", ENGINES)
def test_its_project_pages_are_an_index_for_any_installer(tmp_path: Path, world: World, engine: str) -> None:
    done(fill(world))
    venv = make_venv(tmp_path / "v")
    python = str(venv / "bin/python")
    uv = uv_program() or "uv"
    with static_server(tmp_path / "house") as url:
        argv = {
            "pip": (sys.executable, "-I", "-m", "pip", "--python", python, "install", "-i", f"{url}/simple", "torch"),
            "uv": (uv, "pip", "install", "--python", python, "--default-index", f"{url}/simple", "torch"),
        }[engine]
        env = dict(quiet_world(tmp_path / "clean").env)
        ended = subprocess.run(argv, env=env, capture_output=True, text=True, check=False, timeout=300)
    assert ended.returncode == 0, ended.stderr
    assert "numpy/__init__.py" in packages(venv)


def test_one_folder_serves_several_pythons(tmp_path: Path, site: Site, tables: str) -> None:
    there = interpreters()
    minors = [minor for minor in there if minor in {"3.10", "3.11", "3.12"}]
    folder = tmp_path / "many"
    every = [make(folder, "2.7.0", minor) for minor in minors for make in (fake_torch, fake_ipex)]
    settings = {"IPEXENV_TABLES": tables, "IPEXENV_CACHE_DIR": str(tmp_path / "cache")}
    world = quiet_world(tmp_path, PIP_INDEX_URL=site.simple("/many", every, as_json=True), **settings)
    target = ("--target-python", ",".join(minors), "--platform", "manylinux_2_31_x86_64")
    data = done(ipexenv(world, "wheelhouse", "house", *target, "--torch", "2.7", "--ccl", "none")).data
    assert [row["python"] for row in data["targets"]] == minors
    assert names(tmp_path / "house") == {wheel.name for wheel in every}
    far = elsewhere(tmp_path / "far", tmp_path / "house", IPEXENV_TABLES=tables)
    for minor in minors:
        venv = make_venv(tmp_path / "far" / minor, there[minor])
        source = ("--offline", "--source", "carried", "--python", str(venv / "bin/python"))
        done(ipexenv(far, "install", *source, "--torch", "2.7", "--ccl", "none"))
        assert "intel_extension_for_pytorch/__init__.py" in packages(venv)


def test_real_distributions_of_the_configured_index(tmp_path: Path, tables: str) -> None:
    """Binary and pure wheels of many makers, for a torch that is played: the real one is too large for a test."""
    folder, tag = tmp_path / "own", PYTHON.replace(".", "")
    requires = ["markupsafe==3.0.2", "typing_extensions==4.12.2", "sympy==1.13.3", "psutil==6.1.0"]
    build_wheel(folder, "torch", "2.7.0", f"cp{tag}-cp{tag}-{MANYLINUX}", requires=requires)
    indexes = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "UV_"))}
    settings = {"HOME": os.environ["HOME"], "PIP_CONFIG_FILE": os.environ.get("PIP_CONFIG_FILE", "")}
    ours = {"IPEXENV_TABLES": tables, "IPEXENV_CACHE_DIR": str(tmp_path / "cache"), "PIP_TIMEOUT": "60"}
    world = quiet_world(tmp_path, **{**indexes, **settings, **ours})
    arguments = ("--ccl", "none", "--source", "own")
    done(install(world, "online", *arguments))
    done(fill(world, *arguments))
    far = elsewhere(tmp_path / "far", tmp_path / "house", IPEXENV_TABLES=tables)
    make_venv(tmp_path / "far/v")
    command = ("install", "--offline", "--source", "carried", "--venv", "v", "--ccl", "none", *CHOICE)
    ended = without_network(far, sys.executable, "-m", "ipexenv", *command)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert packages(tmp_path / "far/v") == packages(tmp_path / "online")
