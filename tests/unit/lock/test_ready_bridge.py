"""A lock that lies in a wheelhouse names the bridge's own wheel."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from packaging.pylock import Pylock
from packaging.version import Version

from ipexenv import toml
from ipexenv.errors import UsageError
from ipexenv.lock.planning import locked_plan, locked_resolution
from ipexenv.lock.reading import read_lock
from ipexenv.lock.replay import replay
from ipexenv.lock.writing import lock_text
from tests.fakes import facts
from tests.unit.lock.locks import BRIDGE, FOLDER, lock, target, wheel

if TYPE_CHECKING:
    from ipexenv.lock.model import Lock

READY = wheel(
    "ipexenv_oneccl_bridge",
    str(BRIDGE.version),
    "py3-none-manylinux_2_28_x86_64",
    url=(FOLDER / f"ipexenv_oneccl_bridge-{BRIDGE.version}-py3-none-manylinux_2_28_x86_64.whl").as_uri(),
    source=str(FOLDER),
)
NAME = "ipexenv-oneccl-bridge"


def made() -> Lock:
    return lock(target(bridge=replace(BRIDGE, wheel=READY)))


def text() -> str:
    return lock_text(made(), folder=FOLDER)


def test_it_is_written_as_a_package_that_other_installers_take_and_read_again() -> None:
    packages = {str(package.name): package for package in Pylock.from_dict(toml.loads(text())).packages}
    (file,) = packages[NAME].wheels or ()
    assert file.path == READY.filename
    assert read_lock(text(), where="pylock.toml", folder=FOLDER) == made()


def test_it_is_installed_like_any_other_file_and_nothing_is_built() -> None:
    there = {file.project: file.version for file in target().files}
    replayed = replay(made(), facts(), installed=there, bridges=())
    assert (replayed.files, replayed.bridge, replayed.parts) == ((READY,), None, ())
    assert replayed.requirements == (f"{NAME} @ {READY.url}#sha256={READY.sha256}",)
    resolution = locked_resolution(made(), replayed, facts())
    pin = resolution.pins[-1]
    assert (pin.name, pin.offer, pin.installed, pin.bridge) == (NAME, READY, False, None)
    plan = locked_plan(replayed, resolution, installed=there)
    assert ([change.name for change in plan.changes], plan.builds, plan.remove) == ([NAME], (), (NAME,))
    installed = replay(made(), facts(), installed={**there, NAME: BRIDGE.version}, bridges=())
    assert installed.files == ()
    assert locked_resolution(made(), installed, facts()).pins[-1].installed


@pytest.mark.parametrize("name", ["numpy-1.26.4-cp311-cp311-manylinux_2_28_x86_64.whl", "absent-1.0-py3-none-any.whl"])
def test_another_file_in_its_place_is_refused(name: str) -> None:
    changed = text().replace(f'wheel = "{READY.filename}"', f'wheel = "{name}"')
    assert changed != text()
    with pytest.raises(UsageError) as caught:
        read_lock(changed, where="pylock.toml", folder=FOLDER)
    assert "the name of a wheel of the bridge" in caught.value.causes[0]


def test_the_wheel_of_another_bridge_is_refused() -> None:
    other = replace(READY, version=Version("2022.2.0+ipexenv.bridge.2"))
    other = replace(other, filename=READY.filename.replace("bridge.1", "bridge.2"))
    wrong = lock_text(lock(target(bridge=replace(BRIDGE, wheel=other))), folder=FOLDER)
    with pytest.raises(UsageError, match="cannot be used as a lock"):
        read_lock(wrong, where="pylock.toml", folder=FOLDER)
