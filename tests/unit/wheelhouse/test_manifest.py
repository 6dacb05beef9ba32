from __future__ import annotations

import hashlib
import zipfile
from dataclasses import replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import pytest

from ipexenv.errors import OutsideError
from ipexenv.lock.reading import read_lock
from ipexenv.wheelhouse.housed import files_of, housed
from ipexenv.wheelhouse.manifest import write_manifest
from tests.unit.lock.locks import BRIDGE, lock, target, wheel
from tests.wheels import build_wheel

if TYPE_CHECKING:
    from pathlib import Path

    from ipexenv.lock.model import Lock

EVERYTHING = {"SHA256SUMS", "index.html", "pylock.toml", "simple/index.html", "simple/demo/index.html"}


@pytest.fixture
def there(tmp_path: Path) -> Lock:
    path = build_wheel(tmp_path, "demo", "1.0", requires=["other; extra == 'x'"])
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    file = wheel("demo", "1.0", sha256=digest, size_bytes=path.stat().st_size)
    return housed(lock(target(files=(file,), pins=("demo",))), PurePosixPath(tmp_path), {})


def test_it_is_written_once_and_again_where_it_says_something_else(tmp_path: Path, there: Lock) -> None:
    name = "demo-1.0-py3-none-any.whl"
    assert set(write_manifest(there, files_of(there), tmp_path)) == {*EVERYTHING, f"{name}.metadata"}
    assert write_manifest(there, files_of(there), tmp_path) == ()
    assert "Requires-Dist: other; extra == 'x'" in (tmp_path / f"{name}.metadata").read_text("utf-8")
    (tmp_path / "index.html").write_text("spoilt", encoding="utf-8")
    assert write_manifest(there, files_of(there), tmp_path) == ("index.html",)


def test_the_lock_names_its_files_relative_to_itself(tmp_path: Path, there: Lock) -> None:
    write_manifest(there, files_of(there), tmp_path)
    text = (tmp_path / "pylock.toml").read_text("utf-8")
    assert str(tmp_path) not in text
    assert 'path = "demo-1.0-py3-none-any.whl"' in text
    moved = read_lock(text, where="pylock.toml", folder=PurePosixPath("/media/stick"))
    assert [file.url for file in files_of(moved)] == ["file:///media/stick/demo-1.0-py3-none-any.whl"]


def test_what_is_no_wheel_is_named(tmp_path: Path, there: Lock) -> None:
    (tmp_path / "demo-1.0-py3-none-any.whl").write_bytes(b"nothing")
    with pytest.raises(OutsideError, match="demo-1.0-py3-none-any.whl is no wheel"):
        write_manifest(there, files_of(there), tmp_path)
    assert not (tmp_path / "pylock.toml").exists()


def test_several_targets_share_what_they_share() -> None:
    ready = wheel("ipexenv_oneccl_bridge", str(BRIDGE.version), "py3-none-any")
    both = lock(target("3.10", bridge=BRIDGE), target("3.11", bridge=BRIDGE))
    folder = PurePosixPath("/house")
    made = housed(both, folder, {BRIDGE.version: ready})
    names = [file.filename for file in files_of(made)]
    assert len(names) == len(set(names)) == 6
    assert all(file.url.startswith("file:///house/") and file.configured for file in files_of(made))
    first = made.targets[0].bridge
    assert first is not None
    assert first.wheel == replace(ready, url=(folder / ready.filename).as_uri(), source="/house", configured=True)
    assert first.parts == BRIDGE.parts


def test_metadata_that_is_no_utf_8_is_left_out(tmp_path: Path, there: Lock) -> None:
    with zipfile.ZipFile(tmp_path / "demo-1.0-py3-none-any.whl", "w") as archive:
        archive.writestr("demo-1.0.dist-info/METADATA", "Name: démo\n".encode("latin-1"))
    assert set(write_manifest(there, files_of(there), tmp_path)) == EVERYTHING
    assert "metadata=" not in (tmp_path / "index.html").read_text("utf-8")
