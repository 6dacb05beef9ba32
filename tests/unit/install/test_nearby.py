"""A lock's bridge that lies ready made in a folder is taken from there, if it is what the lock's parts give."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ipexenv.bridge.build import build_wheel
from ipexenv.events import ignore
from ipexenv.install.nearby import nearby
from ipexenv.lock.model import LockedBridge
from tests.fakes import FakeHttp
from tests.unit.bridge.parts import Small, small
from tests.unit.lock.locks import lock, target

if TYPE_CHECKING:
    from pathlib import Path

    from ipexenv.ruling import Offer


@pytest.fixture
def bridge(tmp_path: Path) -> Small:
    (tmp_path / "wheels").mkdir()
    return small(tmp_path / "wheels")


@pytest.fixture
def house(bridge: Small, tmp_path: Path) -> Path:
    folder = tmp_path / "house"
    folder.mkdir()
    build_wheel(bridge.release, [bridge.offer()], folder, http=FakeHttp(), listen=ignore)
    return folder


def ready(bridge: Small, house: Path) -> Offer | None:
    made = lock(
        target(bridge=LockedBridge(version=bridge.release.version, parts=(bridge.offer(sha256=bridge.part.sha256),)))
    )
    found = nearby(made, [str(house)], house, [bridge.release]).targets[0].bridge
    assert found is not None
    return found.wheel


def test_the_ready_wheel_is_taken_with_its_hash(bridge: Small, house: Path) -> None:
    wheel = ready(bridge, house)
    assert wheel is not None
    assert (wheel.filename, wheel.source) == (bridge.release.filename, str(house))
    assert wheel.sha256
    assert wheel.url == (house / bridge.release.filename).as_uri()


def test_another_one_of_that_name_is_not(bridge: Small, house: Path) -> None:
    (house / bridge.release.filename).write_bytes(b"no wheel at all")
    assert ready(bridge, house) is None


def test_a_folder_without_one_leaves_the_parts(bridge: Small, tmp_path: Path) -> None:
    assert ready(bridge, tmp_path / "wheels") is None
