"""`lock` with real pip and real uv, and every export used by the tool that it is for."""

from __future__ import annotations

import io
import os
import re
import shlex
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.integration.sites import fingerprint, interpreters, ipexenv, make_venv, quiet_world, uv_program
from tests.servers import Site, serving, tables_with
from tests.wheels import build_wheel, fake_ipex, fake_torch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ipexenv.system.world import World
    from tests.integration.conftest import EnvironmentFactory
    from tests.integration.sites import Ended

pytestmark = pytest.mark.slow

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
ENGINES = ("pip", "uv")
CHOICE = ("--torch", "2.7", "--ccl", "none")


@pytest.fixture
def site() -> Iterator[Site]:
    with serving() as site:
        yield site


@pytest.fixture
def wheels(tmp_path: Path) -> list[Path]:
    """Return an index's content: torches, an IPEX with a dependency, and trainers that want torch."""
    folder = tmp_path / "wheels"
    return [
        fake_torch(folder, "2.7.0", PYTHON),
        fake_torch(folder, "2.8.0", PYTHON),
        fake_ipex(folder, "2.7.0", PYTHON),
        build_wheel(folder, "numpy", "1.26.4"),
        build_wheel(folder, "numpy", "2.1.0"),
        build_wheel(folder, "trainer", "0.9", requires=["torch", "rich_like>=1; python_version>='3.8'"]),
        build_wheel(folder, "trainer", "1.0", requires=["torch>=2.8", "rich_like>=1"]),
        build_wheel(folder, "rich_like", "1.4"),
    ]


@pytest.fixture
def index(site: Site, wheels: list[Path]) -> str:
    return site.simple("/simple", wheels, as_json=True)


@pytest.fixture
def tables(tmp_path: Path) -> str:
    return str(tables_with(tmp_path / "tables", []))


@pytest.fixture
def world(tmp_path: Path, index: str) -> World:
    return quiet_world(tmp_path, PIP_INDEX_URL=index)


def done(ended: Ended) -> Ended:
    assert ended.code == 0, (ended.document, ended.stderr)
    return ended


def locked(ended: Ended) -> dict[str, str]:
    (target,) = done(ended).data["targets"]
    return {package["name"]: package["version"] for package in target["packages"]}


def export(world: World, kind: str) -> str:
    name = f"{kind}.txt"
    done(ipexenv(world, "export", "--format", kind, "-o", name))
    return name


def run(world: World, *argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        argv, cwd=world.directory, env=dict(world.env), capture_output=True, text=True, check=False, timeout=300
    )


def pip(world: World, venv: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the pip beside ipexenv on an environment without one."""
    command = (sys.executable, "-I", "-m", "pip", "--python", str(venv / "bin/python"))
    return run(world, *command, *words, "--disable-pip-version-check", "--no-input")


def uv(world: World, venv: Path, *words: str) -> subprocess.CompletedProcess[str]:
    program = uv_program()
    assert program is not None
    env = {"UV_DEFAULT_INDEX": world.env.get("PIP_INDEX_URL", "")}
    there = quiet_world(world.directory, **{**dict(world.env), **env})
    return run(there, program, "pip", *words, "--python", str(venv / "bin/python"))


def versions(venv: Path) -> dict[str, str]:
    folders = next((venv / "lib").glob("python3*")).glob("site-packages/*.dist-info")
    pairs = (folder.name.removesuffix(".dist-info").split("-") for folder in folders)
    return {name.replace("_", "-"): version for name, version in pairs}


@pytest.mark.parametrize("engine", ENGINES)
def test_a_lock_of_what_is_not_there_yet_installs_with_pip_and_uv(
    tmp_path: Path, world: World, tables: str, engine: str
) -> None:
    wanted = locked(ipexenv(world, "lock", "--venv", "v", "--tables", tables, "--engine", engine, *CHOICE))
    assert wanted == {"torch": "2.7.0", "intel-extension-for-pytorch": "2.7.0"}
    assert not (tmp_path / "v").exists()
    requirements = export(world, "requirements")
    first, second, third = (make_venv(tmp_path / name) for name in ("a", "b", "c"))
    for ended in (
        pip(world, first, "install", "--require-hashes", "--no-deps", "-r", requirements),
        uv(world, second, "install", "--require-hashes", "-r", requirements),
        uv(world, third, "install", "-r", "pylock.toml"),
    ):
        assert ended.returncode == 0, ended.stdout + ended.stderr
    assert versions(first) == versions(second) == versions(third) == wanted


def test_both_engines_write_the_same_lock(tmp_path: Path, world: World, tables: str) -> None:
    texts = []
    for engine in ENGINES:
        done(ipexenv(world, "lock", "--venv", "v", "--tables", tables, "--engine", engine, *CHOICE))
        texts.append((tmp_path / "pylock.toml").read_text(encoding="utf-8"))
    assert texts[0] == texts[1]
    assert f"size = {(tmp_path / 'wheels' / next(iter(torch_names(tmp_path)))).stat().st_size}" in texts[0]


def torch_names(folder: Path) -> list[str]:
    return [file.name for file in (folder / "wheels").glob("torch-2.7.0-*.whl")]


def tampered(wheel: Path) -> bytes:
    """Return a whole wheel of the same size with something else inside."""
    changed = io.BytesIO()
    with zipfile.ZipFile(wheel) as old, zipfile.ZipFile(changed, "w") as new:
        for entry in old.infolist():
            new.writestr(entry, old.read(entry).replace(b"+cu128", b"+cu129"))
    return changed.getvalue()


@pytest.mark.parametrize("engine", ENGINES)
def test_a_file_that_changed_since_is_refused_by_its_hash(
    tmp_path: Path, world: World, tables: str, site: Site, engine: str
) -> None:
    done(ipexenv(world, "lock", "--venv", "v", "--tables", tables, "--engine", engine, *CHOICE))
    requirements = export(world, "requirements")
    (name,) = torch_names(tmp_path)
    site.serve(f"/files/{name}", tampered(tmp_path / "wheels" / name), "application/octet-stream")
    venv = make_venv(tmp_path / "v")
    before = fingerprint(venv)
    fresh = quiet_world(
        tmp_path, **{**dict(world.env), "UV_CACHE_DIR": str(tmp_path / "cold"), "PIP_NO_CACHE_DIR": "1"}
    )
    for ended in (
        pip(fresh, venv, "install", "--require-hashes", "--no-deps", "-r", requirements),
        uv(fresh, venv, "install", "-r", "pylock.toml"),
    ):
        assert ended.returncode != 0
        assert "hash" in (ended.stdout + ended.stderr).lower()
    after = fingerprint(venv)
    after.pop(".lock", None)
    assert after == before


@pytest.mark.parametrize("engine", ENGINES)
def test_what_is_installed_is_found_again_with_what_it_depends_on(
    tmp_path: Path, world: World, tables: str, engine: str
) -> None:
    venv = make_venv(tmp_path / "v")
    assert pip(world, venv, "install", "torch==2.7.0", "numpy==1.26.4", "trainer==0.9").returncode == 0
    before = fingerprint(venv)
    command = ("lock", "--venv", "v", "--tables", tables, "--engine", engine, "--stack", "native", "--ccl", "none")
    assert locked(ipexenv(world, *command)) == {"torch": "2.7.0"}
    # The pair is half there: the engine says what is missing, and what is there stays.
    assert locked(ipexenv(world, *command[:-4], "--ccl", "none")) == {
        "torch": "2.7.0",
        "intel-extension-for-pytorch": "2.7.0",
    }
    assert fingerprint(venv) == before


@pytest.mark.parametrize("engine", ENGINES)
def test_what_came_by_url_is_found_again_by_url(
    tmp_path: Path, world: World, tables: str, site: Site, *, engine: str
) -> None:
    """A build that the index does not have, as IPEX's and torch's own pages serve them."""
    tag = torch_names(tmp_path)[0].split("-", 2)[2].removesuffix(".whl")
    local = build_wheel(tmp_path / "own", "torch", "2.7.0+cpu", tag, requires=["rich_like"])
    site.files("/own", [local])
    url = f"{site.url}/own/{local.name.replace('+', '%2B')}"
    venv = make_venv(tmp_path / "v")
    assert pip(world, venv, "install", f"torch @ {url}").returncode == 0
    command = ("lock", "--venv", "v", "--tables", tables, "--engine", engine, "--stack", "native", "--ccl", "none")
    assert locked(ipexenv(world, *command)) == {"torch": "2.7.0+cpu", "rich-like": "1.4"}
    text = (tmp_path / "pylock.toml").read_text(encoding="utf-8")
    assert f'url = "{url}"' in text
    clean = make_venv(tmp_path / "clean")
    requirements = export(world, "requirements")
    assert f"torch @ {url}" in (tmp_path / requirements).read_text(encoding="utf-8")
    ended = pip(world, clean, "install", "--require-hashes", "--no-deps", "-r", requirements)
    assert ended.returncode == 0, ended.stderr
    ended = uv(world, clean, "install", "--require-hashes", "--reinstall", "-r", requirements)
    assert ended.returncode == 0, ended.stderr
    assert versions(clean) == {"torch": "2.7.0+cpu", "rich-like": "1.4"}


@pytest.mark.parametrize("engine", ENGINES)
def test_what_no_source_has_any_more_cannot_be_locked(tmp_path: Path, world: World, tables: str, engine: str) -> None:
    venv = make_venv(tmp_path / "v")
    gone = build_wheel(tmp_path / "gone", "torch", "2.7.1", requires=[])
    assert pip(world, venv, "install", str(gone)).returncode == 0
    gone.unlink()
    command = ("lock", "--venv", "v", "--tables", tables, "--engine", engine, "--stack", "native", "--ccl", "none")
    ended = ipexenv(world, *command)
    assert (ended.code, ended.problem["code"]) == (3, "not-offered")
    assert not (tmp_path / "pylock.toml").exists()


def test_constraints_keep_torch_from_being_replaced(tmp_path: Path, world: World, tables: str) -> None:
    done(ipexenv(world, "lock", "--venv", "v", "--tables", tables, *CHOICE))
    requirements, constraints = export(world, "requirements"), export(world, "constraints")
    for tool, name in ((pip, "a"), (uv, "b")):
        venv = make_venv(tmp_path / name)
        assert tool(world, venv, "install", "--no-deps", "-r", requirements).returncode == 0
        # Left to themselves they would take trainer 1.0, and torch 2.8 with it.
        ended = tool(world, venv, "install", "-c", constraints, "trainer")
        assert ended.returncode == 0, ended.stderr
        assert (versions(venv)["torch"], versions(venv)["trainer"]) == ("2.7.0", "0.9")
        assert tool(world, venv, "install", "-c", constraints, "trainer==1.0").returncode != 0
        assert versions(venv)["torch"] == "2.7.0"


def test_condas_list_for_pip_makes_the_environment(tmp_path: Path, world: World, tables: str) -> None:
    """conda writes the list under ``pip`` into a file of requirements and hands that to pip; so does this."""
    wanted = locked(ipexenv(world, "lock", "--venv", "v", "--tables", tables, *CHOICE))
    document = yaml.safe_load((tmp_path / export(world, "conda")).read_text(encoding="utf-8"))
    *from_conda, from_pip = document["dependencies"]
    assert from_conda == [f"python={PYTHON}.*", "pip"]
    (tmp_path / "requirements.txt").write_text("\n".join(from_pip["pip"]) + "\n", encoding="utf-8")
    venv = make_venv(tmp_path / "v")
    ended = pip(world, venv, "install", "-U", "-r", "requirements.txt")
    assert ended.returncode == 0, ended.stderr
    assert versions(venv) == wanted


def test_the_steps_of_the_dockerfile_make_the_environment(tmp_path: Path, world: World, tables: str) -> None:
    """Each step is done as Docker would, but for the image: in a folder that stands for its ``/opt``."""
    wanted = locked(ipexenv(world, "lock", "--venv", "v", "--tables", tables, *CHOICE))
    text = (tmp_path / export(world, "dockerfile")).read_text(encoding="utf-8")
    opt = tmp_path / "opt"
    opt.mkdir()
    copied = text.partition("<<'REQUIREMENTS' /opt/requirements.txt\n")[2].partition("\nREQUIREMENTS\n")[0]
    (opt / "requirements.txt").write_text(copied + "\n", encoding="utf-8")
    (step,) = [step for step in re.findall(r"RUN --mount=\S+ \\\n((?:.*\\\n)*.*)", text) if "--require-hashes" in step]
    bin_ = tmp_path / "bin"
    bin_.mkdir()
    (bin_ / "python").symlink_to(sys.executable)
    (bin_ / "pip").write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m pip "$@"\n', encoding="utf-8")
    (bin_ / "pip").chmod(0o755)
    there = quiet_world(tmp_path, **{**dict(world.env), "PATH": f"{bin_}:{os.defpath}"})
    ended = run(there, "sh", "-euc", step.replace("/opt/", f"{opt}/"))
    assert ended.returncode == 0, ended.stderr
    found = versions(opt / "venv")
    assert found == wanted, "nothing beside it, not even pip"


def test_credentials_of_an_index_stay_out_of_the_lock(tmp_path: Path, world: World, tables: str, index: str) -> None:
    secret = quiet_world(tmp_path, PIP_INDEX_URL=index.replace("://", "://me:hunter2@"))
    for engine in ENGINES:
        done(ipexenv(secret, "lock", "--venv", "v", "--tables", tables, "--engine", engine, *CHOICE))
        assert "hunter2" not in (tmp_path / "pylock.toml").read_text(encoding="utf-8")


def test_one_lock_serves_several_pythons(tmp_path: Path, site: Site, tables: str) -> None:
    folder = tmp_path / "many"
    minors = [minor for minor in interpreters() if minor in {"3.10", "3.11", "3.12"}]
    wheels = [make(folder, "2.7.0", minor) for minor in minors for make in (fake_torch, fake_ipex)]
    world = quiet_world(tmp_path, PIP_INDEX_URL=site.simple("/many", wheels, as_json=True))
    command = ("lock", "--target-python", ",".join(minors), "--platform", "manylinux_2_31_x86_64", "--tables", tables)
    ended = done(ipexenv(world, *command, *CHOICE))
    assert [target["python"] for target in ended.data["targets"]] == minors
    for minor in minors:
        venv = make_venv(tmp_path / minor, interpreters()[minor])
        installed = uv(world, venv, "install", "-r", "pylock.toml")
        assert installed.returncode == 0, installed.stderr
        assert versions(venv) == {"torch": "2.7.0", "intel-extension-for-pytorch": "2.7.0"}


def test_a_real_environment_is_locked_and_nothing_would_change(
    tmp_path: Path, own_copy: EnvironmentFactory, tables: str
) -> None:
    there = own_copy("torch28")  # uv leaves its lock file even after a dry run
    indexes = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "UV_"))}
    settings = {
        "HOME": os.environ["HOME"],
        "PIP_CONFIG_FILE": os.environ.get("PIP_CONFIG_FILE", ""),
        "PIP_TIMEOUT": "60",
    }
    world = quiet_world(tmp_path, **indexes, **settings)
    ended = done(ipexenv(world, "lock", "--python", str(there.python), "--tables", tables, "--ccl", "none"))
    (target,) = ended.data["targets"]
    packages = {package["name"]: package for package in target["packages"]}
    assert packages["torch"]["version"] == "2.8.0"
    assert packages["intel-extension-for-pytorch"]["version"] == "2.8.0"
    assert all(len(package["sha256"]) == 64 for package in packages.values())
    requirements = export(world, "requirements")
    command = (str(there.python), "-I", "-B", "-m", "pip", "install", "--dry-run", "--no-deps", "--require-hashes")
    again = run(world, *command, "-r", requirements)
    assert again.returncode == 0, again.stderr
    assert "Would install" not in again.stdout
    checked = uv(world, there.folder, "install", "--dry-run", "-r", "pylock.toml")
    assert checked.returncode == 0, checked.stderr
    assert "Would make no changes" in checked.stderr
