from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given, settings
from packaging.pylock import Pylock

from ipexenv import toml
from ipexenv.lock.reading import read_lock
from ipexenv.lock.writing import lock_text
from tests.unit.lock.locks import BRIDGE, FOLDER, any_lock, lock, target, wheel

if TYPE_CHECKING:
    from ipexenv.lock.model import Lock


def again(made: Lock) -> Lock:
    return read_lock(lock_text(made, folder=FOLDER), where="pylock.toml", folder=FOLDER)


@settings(max_examples=40)  # each makes whole texts
@given(any_lock())
def test_what_is_written_is_read_and_gives_the_same_bytes(made: Lock) -> None:
    read = again(made)
    assert read == made
    assert lock_text(read, folder=FOLDER) == lock_text(made, folder=FOLDER)


@settings(max_examples=40)  # each makes whole texts
@given(any_lock())
def test_it_is_a_lock_by_the_standard(made: Lock) -> None:
    pylock = Pylock.from_dict(toml.loads(lock_text(made, folder=FOLDER)))
    assert {str(package.name) for package in pylock.packages} == {
        file.project for one in made.targets for file in one.files
    }
    assert len(pylock.environments or ()) == len(made.targets)


def test_credentials_stay_out() -> None:
    secret = wheel(
        "torch", "2.8.0+cpu", url="https://me:hunter2@files.test/torch-2.8.0%2Bcpu-py3-none-any.whl?sig=hunter2"
    )
    text = lock_text(lock(target(files=(secret,))), folder=FOLDER)
    assert "hunter2" not in text
    assert 'url = "https://files.test/torch-2.8.0%2Bcpu-py3-none-any.whl"' in text


def test_files_beside_the_lock_move_with_it() -> None:
    near = wheel("torch", "2.8.0", url="file:///home/me/project/wheels/torch-2.8.0-py3-none-any.whl")
    far = wheel("numpy", "1.26.4", url="file:///srv/numpy-1.26.4-py3-none-any.whl")
    text = lock_text(lock(target(files=(far, near))), folder=FOLDER)
    assert 'path = "wheels/torch-2.8.0-py3-none-any.whl"' in text
    moved = read_lock(text, where="pylock.toml", folder=FOLDER.with_name("elsewhere"))
    assert [file.url for file in moved.targets[0].files] == [
        "file:///srv/numpy-1.26.4-py3-none-any.whl",
        "file:///home/me/elsewhere/wheels/torch-2.8.0-py3-none-any.whl",
    ]


def test_a_package_that_only_some_targets_take_has_a_marker() -> None:
    both = lock(target("3.10"), target("3.11", files=(*target("3.11").files, wheel("zipp", "3.0"))))
    packages = {
        str(package.name): package for package in Pylock.from_dict(toml.loads(lock_text(both, folder=FOLDER))).packages
    }
    assert packages["torch"].marker is None
    assert [wheel.filename[:21] for wheel in packages["torch"].wheels or ()] == [
        "torch-2.8.0+cpu-cp310",
        "torch-2.8.0+cpu-cp311",
    ]
    marker = packages["zipp"].marker
    assert marker is not None
    here = {"sys_platform": "linux", "platform_machine": "x86_64", "implementation_name": "cpython"}
    assert marker.evaluate({**here, "python_version": "3.11"})
    assert not marker.evaluate({**here, "python_version": "3.10"})


def test_the_bridge_stands_outside_the_packages() -> None:
    document = toml.loads(lock_text(lock(target(bridge=BRIDGE)), folder=FOLDER))
    assert "ipexenv-oneccl-bridge" not in {package["name"] for package in document["packages"]}
    row = document["tool"]["ipexenv"]["targets"][0]["bridge"]
    assert row["version"] == "2022.2.0+ipexenv.bridge.1"
    assert [part["sha256"] for part in row["parts"]] == [part.sha256 for part in BRIDGE.parts]
