from __future__ import annotations

import zipfile
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from packaging.version import Version

from ipexenv.bridge.build import BuiltWheel, build_wheel
from ipexenv.errors import OutsideError
from ipexenv.events import Event, ignore
from ipexenv.system.http import RequestsHttp
from tests.fakes import FakeHttp
from tests.servers import serving
from tests.unit.bridge.parts import LIBRARY, Small, sha256, small

if TYPE_CHECKING:
    from pathlib import Path

NAME = "ipexenv_oneccl_bridge-2022.2.0+ipexenv.bridge.1-py3-none-manylinux_2_28_x86_64.whl"


@pytest.fixture
def bridge(tmp_path: Path) -> Small:
    folder = tmp_path / "wheels"
    folder.mkdir()
    return small(folder)


def build(bridge: Small, folder: Path) -> BuiltWheel:
    folder.mkdir(exist_ok=True)
    return build_wheel(bridge.release, [bridge.offer()], folder, http=FakeHttp(), listen=ignore)


def test_the_wheel_is_made_and_nothing_else_is_left(bridge: Small, tmp_path: Path) -> None:
    built = build(bridge, tmp_path / "out")
    content = built.path.read_bytes()
    assert [path.name for path in (tmp_path / "out").iterdir()] == [NAME] == [built.path.name]
    assert (built.sha256, built.size_bytes) == (sha256(content), len(content))
    with zipfile.ZipFile(built.path) as archive:
        assert archive.read("ipexenv_oneccl_bridge/lib/libccl.so.1") == LIBRARY
        init = archive.read("ipexenv_oneccl_bridge/__init__.py")
    assert b'__version__ = "2022.2.0+ipexenv.bridge.1"' in init


def test_the_same_release_gives_the_same_bytes_wherever_it_is_made(bridge: Small, tmp_path: Path) -> None:
    with serving() as site:
        site.files("/w", [bridge.wheel])
        (tmp_path / "web").mkdir()
        events: list[Event] = []
        from_web = build_wheel(
            bridge.release,
            [bridge.offer(f"{site.url}/w/{bridge.wheel.name}")],
            tmp_path / "web",
            http=RequestsHttp(),
            listen=events.append,
        )
    assert from_web.sha256 == build(bridge, tmp_path / "out").sha256
    assert events[0].kind == "step"
    assert events[-1].text == f"made {NAME}, {from_web.size_bytes} bytes"


def test_another_revision_is_another_wheel(bridge: Small, tmp_path: Path) -> None:
    newer = replace(bridge, release=replace(bridge.release, revision=2))
    built = build(newer, tmp_path / "out")
    assert "+ipexenv.bridge.2-" in built.path.name
    with zipfile.ZipFile(built.path) as archive:
        assert b"2022.2.0+ipexenv.bridge.2" in archive.read("ipexenv_oneccl_bridge/__init__.py")


def test_a_part_that_cannot_be_had_leaves_nothing_behind(bridge: Small, tmp_path: Path) -> None:
    missing = replace(bridge.part, filename="gone-1-py3-none-any.whl", project="gone", version=Version("1"))
    release = replace(bridge.release, parts=(bridge.part, missing))
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(OutsideError, match="gone-1-py3-none-any.whl, which the bridge is made of, cannot be had"):
        build_wheel(release, [bridge.offer()], out, http=FakeHttp(), listen=ignore)
    assert list(out.iterdir()) == []


def test_a_folder_that_is_not_there_is_named(bridge: Small, tmp_path: Path) -> None:
    with pytest.raises(OutsideError, match="cannot be written") as caught:
        build_wheel(bridge.release, [bridge.offer()], tmp_path / "gone", http=FakeHttp(), listen=ignore)
    assert caught.value.causes == (f"{tmp_path / 'gone'}: No such file or directory",)
    assert "TMPDIR" in (caught.value.hint or "")
