"""A ready-made bridge is taken for ours where every byte of it is what we would make."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from ipexenv.bridge.build import build_wheel
from ipexenv.bridge.proving import refuse_foreign_bridge
from ipexenv.errors import OutsideError
from ipexenv.events import ignore
from tests.fakes import FakeHttp
from tests.unit.bridge.parts import LIBRARY, Small, small

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def bridge(tmp_path: Path) -> Small:
    (tmp_path / "wheels").mkdir()
    return small(tmp_path / "wheels")


@pytest.fixture
def wheel(bridge: Small, tmp_path: Path) -> Path:
    (tmp_path / "out").mkdir()
    return build_wheel(bridge.release, [bridge.offer()], tmp_path / "out", http=FakeHttp(), listen=ignore).path


def rewritten(wheel: Path, changed: dict[str, bytes]) -> None:
    with zipfile.ZipFile(wheel) as archive:
        members = {item: archive.read(item) for item in archive.infolist()}
    with zipfile.ZipFile(wheel, "w") as archive:
        for item, content in members.items():
            archive.writestr(item, changed.get(item.filename, content))


def refusal(wheel: Path, bridge: Small) -> str:
    with pytest.raises(OutsideError, match="is not the bridge that ipexenv makes") as caught:
        refuse_foreign_bridge(wheel, [bridge.release])
    assert caught.value.code == "wrong-file"
    return caught.value.causes[0]


def test_what_was_made_here_or_by_the_like_is_taken(wheel: Path, bridge: Small) -> None:
    refuse_foreign_bridge(wheel, [replace(bridge.release, revision=7), bridge.release])


def test_one_that_holds_another_library_is_refused(wheel: Path, bridge: Small) -> None:
    rewritten(wheel, {"ipexenv_oneccl_bridge/lib/libccl.so.1": LIBRARY[:-1] + b"!"})
    assert "ipexenv_oneccl_bridge/lib/libccl.so.1 has the SHA-256" in refusal(wheel, bridge)


def test_one_that_runs_other_code_is_refused(wheel: Path, bridge: Small) -> None:
    rewritten(wheel, {"oneccl_bindings_for_pytorch/__init__.py": b"import evil\n"})
    assert "the rest is not what this ipexenv makes" in refusal(wheel, bridge)


def test_one_that_the_tables_do_not_know_is_refused(wheel: Path, bridge: Small) -> None:
    other = wheel.rename(wheel.with_name(wheel.name.replace("bridge.1", "bridge.9")))
    assert refusal(other, bridge) == "the tables know no bridge of this name"


def test_what_is_no_wheel_is_refused(wheel: Path, bridge: Small) -> None:
    wheel.write_bytes(b"no wheel")
    assert refusal(wheel, bridge).startswith("damaged")
    wheel.unlink()
    assert refusal(wheel, bridge).startswith("it cannot be compared")
