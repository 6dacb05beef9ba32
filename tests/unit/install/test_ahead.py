from __future__ import annotations

import os
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest
from packaging.version import Version

from ipexenv.fetch.job import Fetched
from ipexenv.fetch.wheel import read_wheel
from ipexenv.install import ahead
from ipexenv.install.ahead import Ahead, unpacking_ahead
from ipexenv.install.engine import Engine
from ipexenv.install.staging import Ready
from ipexenv.outcome import Offer
from tests.wheels import build_wheel

if TYPE_CHECKING:
    from pathlib import Path

    from ipexenv.system.world import World

PLAYED_UV = """#!/bin/sh
case "$1" in cache) echo {folder}/uv; exit;; esac
echo "$UV_CACHE_DIR $*" >> {folder}/calls
case "$*" in *sleepy*) echo $$ > {folder}/pid.draft; mv {folder}/pid.draft {folder}/pid; exec sleep 600;; esac
case "$*" in *broken*) exit 1;; esac
"""


@dataclass
class Scene:
    """A program that plays uv, and wheels for it."""

    folder: Path
    world: World

    @property
    def engine(self) -> Engine:
        return Engine(name="uv", argv=(str(self.folder / "uv.sh"), "pip", "install", "--python", "/python"))

    @property
    def calls(self) -> list[str]:
        file = self.folder / "calls"
        return file.read_text("utf-8").splitlines() if file.exists() else []

    def ready(self, name: str) -> Ready:
        path = build_wheel(self.folder / name, name, "1.0")
        offer = Offer(project=name, version=Version("1.0"), filename=path.name, url=path.as_uri(), source="page")
        file = Fetched(offer=offer, path=path, sha256=name * 4, size_bytes=path.stat().st_size, from_cache=False)
        return Ready(file=file, wheel=replace(read_wheel(path, offer), packed_bytes=10_000_000))


@pytest.fixture
def scene(tmp_path: Path, world: World) -> Scene:
    program = tmp_path / "uv.sh"
    program.write_text(PLAYED_UV.format(folder=tmp_path), encoding="utf-8")
    program.chmod(0o755)
    env = {**world.env, "PATH": os.environ["PATH"], "UV_CACHE_DIR": str(tmp_path / "uv")}
    return Scene(folder=tmp_path, world=replace(world, env=env))


def test_large_wheels_are_unpacked_by_the_call_that_would_install_them(scene: Scene, tmp_path: Path) -> None:
    good, broken = scene.ready("good"), scene.ready("broken")
    small = replace(scene.ready("small"), wheel=replace(good.wheel, packed_bytes=100))
    with unpacking_ahead(scene.engine, scene.world, tmp_path) as work:
        assert work is not None
        for one in (good, small, broken):
            work.begin(one)
    assert [work.has(one) for one in (good, small, broken)] == [True, False, False]
    assert len(scene.calls) == 2
    for call in scene.calls:
        assert call.startswith(f"{tmp_path}/uv pip install --python /python --offline")
        assert "--require-hashes" in call
        assert "--link-mode hardlink --target" in call
    assert list(tmp_path.glob("unpacked-*")) == []


def test_it_is_ended_where_something_else_fails(scene: Scene, tmp_path: Path) -> None:
    def fail() -> None:
        with unpacking_ahead(scene.engine, scene.world, tmp_path) as work:
            assert work is not None
            work.begin(scene.ready("sleepy"))
            while not (tmp_path / "pid").exists():
                time.sleep(0.01)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text("utf-8")), 0)
    assert list(tmp_path.glob("unpacked-*")) == []


def test_after_the_end_nothing_is_begun(scene: Scene, tmp_path: Path) -> None:
    work = Ahead(scene.engine, scene.world, tmp_path, uv_cache=None)
    work.stop()
    work.begin(scene.ready("good"))
    assert scene.calls == []


@pytest.mark.parametrize("why", ["pip", "no cache", "nowhere", "elsewhere"])
def test_there_is_none_where_it_would_be_of_no_use(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    engine, env = scene.engine, dict(scene.world.env)
    if why == "pip":
        engine = replace(engine, name="pip")
    elif why == "no cache":
        env["UV_NO_CACHE"] = "1"
    elif why == "nowhere":
        env = {**env, "UV_CACHE_DIR": ""}
    else:
        monkeypatch.setattr(ahead, "same_file_system", lambda _one, _other: False)
    with unpacking_ahead(engine, replace(scene.world, env=env), tmp_path) as work:
        assert work is None
