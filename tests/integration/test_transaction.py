"""Installations that end in the worst moments: the environment is the old or the new one, never anything between."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ipexenv.events import ignore
from ipexenv.transaction.changing import Change, begin
from ipexenv.transaction.holding import holding
from ipexenv.transaction.state import StateFolder
from tests.integration.sites import fingerprint, ipexenv, make_venv, quiet_world
from tests.servers import Site, closed_port, serving, tables_with
from tests.unit.fetch.evil_wheels import hashed
from tests.wheels import MANYLINUX, build_wheel, fake_ipex

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ipexenv.system.world import World
    from tests.integration.sites import Ended

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
TAG = f"cp{PYTHON.replace('.', '')}-cp{PYTHON.replace('.', '')}-{MANYLINUX}"
ENGINES = ("pip", "uv")
KILLS = {"uv": 200, "pip": 24}
"""How many installations are killed."""
HALVES = 2
FATES_LIMIT_S = 600


def large_torch(folder: Path, version: str, files: int, *, noise_bytes: int = 0) -> Path:
    """Write a fake torch with many files, some of which its other versions have, too, and a program.

    ``noise_bytes`` makes it as large as wheels are that uv unpacks while others are on their way.
    """
    modules = {f"torch/part{number % 7}/m{number + len(version)}.py": f"x = '{version}'\n" for number in range(files)}
    own = {f"torch/only_{version.replace('.', '_')}/__init__.py": "", "torch/lib/libx.so": version * 5000}
    init = {"torch/__init__.py": f"__version__ = '{version}'\n", "torch/version.py": f"__version__ = '{version}+cpu'\n"}
    data = {
        f"torch-{version}.data/data/share/torch/{version}.txt": "x",
        f"torch-{version}.data/scripts/torch-tool": "#!python\n",
    }
    noise = {"torch/lib/noise.txt": "0123456789abcdef" * (noise_bytes // 16)} if noise_bytes else {}
    files_of_it = {**modules, **own, **init, **data, **noise}
    return build_wheel(folder, "torch", version, TAG, requires=["numpy"], files=files_of_it)


def relabelled_ipex(folder: Path, version: str) -> Path:
    """Write a fake IPEX that was built as ``+cpu`` and renamed after its RECORD was written, as all are."""
    wheel = fake_ipex(folder, version, PYTHON)
    with zipfile.ZipFile(wheel) as archive:
        members = {item: archive.read(item) for item in archive.infolist()}
    record = next(item for item in members if item.filename.endswith("/RECORD"))
    metadata = next(item for item in members if item.filename.endswith("/METADATA"))
    built = members[metadata].replace(f"Version: {version}\n".encode(), f"Version: {version}+cpu\n".encode())
    lines = [line for line in members[record].decode().splitlines() if not line.startswith(metadata.filename)]
    members[record] = "\n".join([*lines, f"{metadata.filename},{hashed(built)},{len(built)}", ""]).encode()
    with zipfile.ZipFile(wheel, "w") as archive:
        for item, data in members.items():
            archive.writestr(item, data)
    return wheel


@pytest.fixture
def site() -> Iterator[Site]:
    with serving() as site:
        yield site


@pytest.fixture
def world(tmp_path: Path, site: Site) -> World:
    """Return a world with an index of two large torches and what goes with them."""
    folder = tmp_path / "wheels"
    wheels = [
        large_torch(folder, "2.7.0", 140),
        large_torch(folder, "2.8.0", 160),
        relabelled_ipex(folder, "2.7.0"),
        relabelled_ipex(folder, "2.8.0"),
        build_wheel(folder, "numpy", "1.26.4"),
    ]
    index = site.simple("/simple", wheels, as_json=True)
    return quiet_world(tmp_path, PIP_INDEX_URL=index, PIP_NO_COMPILE="1", PYTHONDONTWRITEBYTECODE="1")


@pytest.fixture
def tables(tmp_path: Path) -> str:
    return str(tables_with(tmp_path / "tables", []))


@pytest.fixture
def old(tmp_path: Path, world: World, tables: str) -> Path:
    """Return a copy of an environment with torch 2.7.0, which nobody remembers how it was made."""
    make_venv(tmp_path / "v")
    done(ipexenv(world, "install", "--venv", "v", "--tables", tables, "--torch", "2.7.0", "--ccl", "none"))
    shutil.rmtree(tmp_path / "v/.ipexenv")
    return tmp_path.joinpath("v").rename(tmp_path / "old")


def done(ended: Ended) -> Ended:
    assert ended.code == 0, (ended.document, ended.stderr)
    return ended


def upgrade(tables: str, engine: str, *more: str) -> list[str]:
    choice = ("--torch", "2.8.0", "--ccl", "none", "--allow-torch-change")
    return ["install", "--venv", "v", "--tables", tables, "--engine", engine, "--json", *choice, *more]


def fates(
    world: World, old: Path, install: list[str], *prefix: str, venv: Path | None = None, **task: Any
) -> list[dict[str, Any]]:
    """Run the program that ends installations, and return what it tells."""
    folder = world.directory
    scene = {"venv": str(venv or folder / "v"), "old": str(old), "directory": str(folder)}
    document = json.dumps({**scene, "env": dict(world.env), "install": install, **task})
    command = [*prefix, sys.executable, "-m", "tests.integration.fates"]
    ended = subprocess.run(
        command, input=document, capture_output=True, text=True, cwd=ROOT, timeout=FATES_LIMIT_S, check=False
    )
    assert ended.returncode == 0, ended.stderr
    return [json.loads(line) for line in ended.stdout.splitlines()]


def shared_fates(world: World, old: Path, install: list[str], **task: Any) -> list[dict[str, Any]]:
    """Do the same in two places at once, half of it each: on two cores in half the time."""

    def half(number: int) -> list[dict[str, Any]]:
        folder = world.directory / f"half{number}"
        folder.mkdir()
        env = {**world.env, "IPEXENV_CACHE_DIR": str(folder / "cache"), "TMPDIR": str(folder)}
        return fates(replace(world, env=env, directory=folder), old, install, share=[number, HALVES], **task)

    with ThreadPoolExecutor(HALVES) as pool:
        return [row for rows in pool.map(half, range(HALVES)) for row in rows]


@pytest.mark.parametrize(("engine", "points"), KILLS.items())
def test_an_upgrade_that_is_killed_anywhere_leaves_the_old_or_the_new(
    tmp_path: Path, world: World, tables: str, old: Path, *, engine: str, points: int
) -> None:
    """From the first question to the last word of the journal, downloads, engine and the way back included."""
    longest_s, moments, way_back = {"uv": (0.15, 40, 16), "pip": (1.2, 8, 2)}[engine]
    delays = [longest_s * number / moments for number in range(moments)]
    command = upgrade(tables, engine)
    if engine == "pip":  # which takes a second to say what it would install: a lock says so as well
        done(ipexenv(world, "lock", "--venv", "x", "--tables", tables, "--torch", "2.8.0", "--ccl", "none"))
        command = [*command, "--from-lock", str(tmp_path / "pylock.toml")]
    told = shared_fates(world, old, command, points=points, delays=delays, way_back=way_back)
    rows = [row for row in told if "how" in row]
    firsts = [row for row in told if "how" not in row]
    steps = ["preparing", "changing", "changed", "done"]
    assert [[stage for _, stage in first["stages"]] for first in firsts] == [steps] * HALVES
    wrong = [row for row in rows if row["found"] not in {"old", "new"} or row["recovery"] not in {0, 1}]
    assert wrong == [], "\n".join(str(row) for row in wrong)
    assert len(rows) == points
    # In every step that the journal knows it was killed, and before and after all of them.
    assert {row["journal"] for row in rows if row["code"] == -9} == {"", *steps[:-1], "undoing"}
    assert {row["found"] for row in rows if row["by"] == "rollback"} == {"old", "new"}
    assert {row["found"] for row in rows if row["by"] == "install"} == {"new"}
    assert {row["code"] for row in rows} <= {0, -9}
    assert sum(row["code"] == -9 for row in rows) > points * 3 // 4


def test_a_new_environment_that_is_killed_anywhere_is_there_or_not(tmp_path: Path, world: World, tables: str) -> None:
    told = shared_fates(world, tmp_path / "nothing", upgrade(tables, "uv"), points=14, delays=[0.0], way_back=1)
    rows = [row for row in told if "how" in row]
    wrong = [row for row in rows if row["found"] not in {"old", "new"}]
    assert wrong == [], "\n".join(str(row) for row in wrong)
    assert len(rows) == 14


def test_a_change_that_is_killed_while_uv_unpacks_ahead_leaves_the_old_or_the_new(
    tmp_path: Path, site: Site, world: World, tables: str, old: Path
) -> None:
    """The wheel is large enough to be unpacked before everything is there, and uv's cache is empty each time."""
    folder = tmp_path / "large"
    wheels = [large_torch(folder, "2.8.0", 40, noise_bytes=12 << 20), relabelled_ipex(folder, "2.8.0")]
    index = site.simple("/large", [*wheels, build_wheel(folder, "numpy", "1.26.4")], folder="/l", as_json=True)
    cache = tmp_path / "cache"
    env = {"PIP_INDEX_URL": index, "IPEXENV_CACHE_DIR": str(cache), "UV_CACHE_DIR": str(cache / "uv")}
    there = replace(world, env={**world.env, **env})
    delays = [0.06 * number for number in range(6)]
    told = fates(there, old, upgrade(tables, "uv"), points=16, delays=delays, share=[0, 1], way_back=0)
    rows = [row for row in told if "how" in row]
    wrong = [row for row in rows if row["found"] not in {"old", "new"} or row["recovery"] not in {0, 1}]
    assert wrong == [], "\n".join(str(row) for row in wrong)
    assert len(rows) == 16
    unpacking = [row for row in rows if row["journal"] in {"", "preparing"} and row["code"] == -9]
    assert len(unpacking) > 3


@pytest.mark.parametrize("engine", ENGINES)
def test_a_signal_undoes_what_was_begun(world: World, tables: str, old: Path, *, engine: str) -> None:
    delays = [{"uv": 0.02, "pip": 0.2}[engine] * number for number in range(6)]
    rows = fates(world, old, upgrade(tables, engine), delays=delays)
    assert {(row["code"], row["found"], row["cut_off"]) for row in rows} <= {
        (130, "old", False),
        (143, "old", False),
        (0, "new", False),
    }
    assert {row["code"] for row in rows} >= {130, 143}


@dataclass(frozen=True, kw_only=True)
class Disk:
    """A small file system of its own, which only what is started with ``prefix`` sees, and which goes with that."""

    folder: Path
    prefix: tuple[str, ...]

    def fates(self, world: World, old: Path, install: list[str], **task: Any) -> list[dict[str, Any]]:
        """Have the environment and the cache of downloads on the disk."""
        world = replace(world, env={**world.env, "IPEXENV_CACHE_DIR": str(self.folder / "cache")})
        install = [*install, "--venv", str(self.folder / "v")]
        return fates(world, old, install, *self.prefix, venv=self.folder / "v", disk=str(self.folder), **task)


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"]), "sh", "-c"]
    script = f'mount -t tmpfs -o size=24m none "{folder}" && exec "$@"'
    if subprocess.run([*mount, script, "sh", "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("this test needs a small file system, and nobody may mount one here")
    return Disk(folder=folder, prefix=(*mount, script, "sh"))


def full_codes(rows: list[dict[str, Any]]) -> set[str]:
    """Return how those ended that failed, having seen that each is named and leaves the old environment."""
    failed = [row for row in rows if row["code"]]
    assert {row["code"] for row in failed} == {3}
    assert all(json.loads(row["said"])["problems"][0]["causes"] for row in failed)
    return {json.loads(row["said"])["problems"][0]["code"] for row in failed}


@pytest.mark.parametrize("engine", ENGINES)
def test_a_disk_that_is_nearly_full_leaves_the_old_or_the_new(
    world: World, tables: str, old: Path, disk: Disk, *, engine: str
) -> None:
    """From nothing left at all to enough, so that it ends in the cache, in the snapshot and in the change."""
    steps = [0, 4, 16, 40, 70, 100, 150, 250, 400, 700, 1100, 1600, 2300, 3200, 4500, 9000]
    steps = steps[::2] + steps[-1:] if engine == "uv" else steps[::5]
    rows = disk.fates(world, old, upgrade(tables, engine), steps=steps)
    wrong = [row for row in rows if row["found"] != ("new" if row["code"] == 0 else "old") or row["cut_off"]]
    assert wrong == [], "\n".join(str(row) for row in wrong)
    assert rows[-1]["code"] == 0
    assert full_codes(rows) <= {"disk-full", "no-snapshot"}


def test_a_disk_that_gets_full_in_the_middle_leaves_the_old_or_the_new(
    world: World, tables: str, old: Path, disk: Disk
) -> None:
    rows = disk.fates(world, old, upgrade(tables, "uv"), points=14)
    wrong = [row for row in rows if not row["cut_off"] and row["found"] != ("new" if row["code"] == 0 else "old")]
    # Where there is no room even for the way back, that is said, and it is gone once there is.
    wrong += [row for row in rows if row["cut_off"] and (row["recovery"], row["then"]) not in {(0, "old"), (0, "new")}]
    assert wrong == [], "\n".join(str(row) for row in wrong)
    assert {row["code"] for row in rows} == {0, 3}
    assert full_codes(rows) <= {"disk-full", "no-snapshot", "not-restored", "not-writable"}
    cut_off = {json.loads(row["said"])["problems"][0]["code"] for row in rows if row["cut_off"]}
    assert cut_off <= {"not-restored"}


def test_the_second_of_two_waits_and_says_for_whom(tmp_path: Path, world: World, tables: str, old: Path) -> None:
    shutil.copytree(old, tmp_path / "v", symlinks=True)
    command = [sys.executable, "-m", "ipexenv", *upgrade(tables, "pip")]
    env = {**world.env, "PYTHONPATH": str(ROOT)}
    both = [
        subprocess.Popen(command, env=env, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [process.communicate(timeout=FATES_LIMIT_S) for process in both]
    documents = [json.loads(out) for out, _ in said]
    assert any("waiting for `ipexenv install` (process " in err for _, err in said)
    codes = sorted(process.returncode for process in both)
    # The second planned before the first was done: it refuses to change what it has not seen.
    assert codes == [0, 3]
    assert {problem["code"] for document in documents for problem in document["problems"]} == {"changed-meanwhile"}
    assert done(ipexenv(world, *upgrade(tables, "pip"))).data["changed"] is False


def test_one_that_does_not_wait_says_who_holds_the_environment(
    tmp_path: Path, world: World, tables: str, old: Path
) -> None:
    shutil.copytree(old, tmp_path / "v", symlinks=True)
    before = fingerprint(tmp_path / "v")
    command = upgrade(tables, "uv", "--lock-wait", "0")
    with holding(StateFolder.at(str(tmp_path / "v")), command="ipexenv install", listen=ignore):
        for words in (command, ["rollback", "--venv", "v", "--lock-wait", "0.3"]):
            ended = ipexenv(world, *words)
            assert (ended.code, ended.problem["code"]) == (3, "locked")
            assert f"`ipexenv install` (process {os.getpid()}, since " in ended.problem["causes"][0]
            assert fingerprint(tmp_path / "v") == before
    assert done(ipexenv(world, *command)).data["changed"] is True


@pytest.mark.parametrize("engine", ENGINES)
def test_a_pair_that_cannot_be_imported_is_undone(tmp_path: Path, site: Site, tables: str, *, engine: str) -> None:
    folder = tmp_path / "broken"
    files = {"torch/__init__.py": "raise ImportError('libgone.so.7: cannot open shared object file')\n"}
    wheels = [
        build_wheel(folder, "torch", "2.8.0", TAG, files=files),
        fake_ipex(folder, "2.8.0", PYTHON),
        build_wheel(folder, "numpy", "1.26.4"),
    ]
    world = quiet_world(tmp_path, PIP_INDEX_URL=site.simple("/broken", wheels, folder="/b"))
    before = fingerprint(make_venv(tmp_path / "v"))
    for venv in ("v", "fresh"):
        command = [*upgrade(tables, engine), "--venv", venv]
        ended = ipexenv(world, *command)
        assert (ended.code, ended.problem["code"]) == (3, "import-failed")
        assert ended.problem["causes"][0] == "import torch: the system library libgone.so.7 is missing"
        assert ended.data["changed"] is False
    assert fingerprint(tmp_path / "v") == before
    assert not (tmp_path / "v/.ipexenv").exists()
    assert not (tmp_path / "fresh").exists()
    kept = done(ipexenv(world, *command, "--keep"))
    assert kept.data["changed"] is True


@pytest.mark.parametrize("engine", ENGINES)
def test_it_goes_back_and_says_an_unfinished_change(
    world: World, tables: str, old: Path, tmp_path: Path, engine: str
) -> None:
    shutil.copytree(old, tmp_path / "v", symlinks=True)
    before = fingerprint(tmp_path / "v")
    done(ipexenv(world, *upgrade(tables, engine)))
    undone = done(ipexenv(world, "rollback", "--venv", "v"))
    assert {change["name"] for change in undone.data["changes"]} == {"torch", "intel-extension-for-pytorch"}
    assert fingerprint(tmp_path / "v") == before
    done(ipexenv(world, *upgrade(tables, engine), "--venv", "fresh"))
    (tmp_path / "fresh/train.py").write_text("mine", encoding="utf-8")
    kept = ipexenv(world, "rollback", "--venv", "fresh")
    assert (kept.code, kept.problem["code"]) == (1, "changed-since")
    assert kept.problem["causes"] == [f"{tmp_path}/fresh/train.py was put there since"]
    (tmp_path / "fresh/train.py").unlink()
    done(ipexenv(world, "rollback", "--venv", "fresh"))
    assert not (tmp_path / "fresh").exists()
    shutil.rmtree(tmp_path / "v")
    shutil.copytree(old, tmp_path / "v", symlinks=True)
    state = StateFolder.at(str(tmp_path / "v"))
    begin(state, Change(command="ipexenv install", packages=(), paths=(), folders=()))
    status = ipexenv(world, "status", "--venv", "v")
    assert status.data["unfinished_change"] is True
    mended = done(ipexenv(world, *upgrade(tables, engine)))
    assert "`ipexenv install` of " in mended.stderr
    assert ipexenv(world, "status", "--venv", "v").data["unfinished_change"] is False


def recorded(venv: Path) -> set[str]:
    """Return what every RECORD says, but of programs, which name the environment in their first line."""
    records = next(venv.glob("lib/python*/site-packages")).glob("*.dist-info/RECORD")
    lines = {line for record in records for line in record.read_text(encoding="utf-8").splitlines()}
    return {line for line in lines if not line.startswith("../") and "uv_cache.json" not in line}


@pytest.mark.parametrize("engine", ENGINES)
def test_a_lock_is_replayed_without_an_index_page(
    tmp_path: Path, world: World, site: Site, tables: str, *, engine: str
) -> None:
    choice = ("--tables", tables, "--torch", "2.8.0", "--ccl", "none")
    done(ipexenv(world, "lock", "--venv", "a", *choice))
    done(ipexenv(world, "install", "--venv", "a", "--engine", engine, *choice))
    for cache in ("ipexenv-cache", "uv-cache", "pip-cache"):
        shutil.rmtree(tmp_path / cache, ignore_errors=True)
    site.asked.clear()
    replay = ("install", "--from-lock", "pylock.toml", "--tables", tables, "--engine", engine)
    first = done(ipexenv(world, *replay, "--venv", "b"))
    assert first.data["changed"] is True
    assert {path for path in site.asked if not path.startswith("/files/")} == set()
    assert recorded(tmp_path / "a") == recorded(tmp_path / "b")
    elsewhere = replace(world, env={**world.env, "PIP_INDEX_URL": closed_port(), "IPEXENV_CACHE_DIR": "nothing"})
    offline = ("--offline", "--source", "wheels")
    done(ipexenv(elsewhere, *replay, "--venv", "c", *offline))
    refused = ipexenv(elsewhere, *replay, "--venv", "d", "--offline")
    assert (refused.code, refused.problem["code"]) == (3, "no-source")
    wheel = next((tmp_path / "wheels").glob("numpy-*.whl"))
    wheel.write_bytes(wheel.read_bytes() + b"more")
    refused = ipexenv(elsewhere, *replay, "--venv", "d", *offline, "--no-cache")
    assert (refused.code, refused.problem["code"], (tmp_path / "d").exists()) == (3, "hash-mismatch", False)


def test_a_file_that_is_refused_at_one_source_is_taken_from_the_next(
    tmp_path: Path, world: World, site: Site, tables: str
) -> None:
    wheel = next((tmp_path / "wheels").glob("intel*-2.8.0-*.whl"))
    site.fail(f"/files/{wheel.name}", 403)
    page = site.simple("/second", [wheel], folder="/again")
    ended = done(ipexenv(world, *upgrade(tables, "uv"), "--source", page))
    assert ended.data["changed"] is True
    assert f"{wheel.name}: " in ended.stderr
    assert f"HTTP 403 Forbidden; taking it from {page}" in ended.stderr
