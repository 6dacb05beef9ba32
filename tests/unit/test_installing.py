from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from ipexenv import installing
from ipexenv.errors import OutsideError
from ipexenv.fetch.cache import Cache
from ipexenv.installing import Proof
from ipexenv.system.world import World
from ipexenv.verify.options import VerifyOptions
from tests.fakes import facts

if TYPE_CHECKING:
    from pathlib import Path

    from ipexenv.events import Event


@dataclass
class Imports:
    """Plays the import test and what tells environments apart."""

    fingerprint: str | None = "a" * 64
    fails: bool = False
    tried: int = 0
    heard: list[Event] = field(default_factory=list)

    def test(self, *_arguments: object) -> None:
        self.tried += 1
        if self.fails:
            raise OutsideError("what was installed cannot be imported", code="import-failed", causes=("it crashed",))


@pytest.fixture
def imports(monkeypatch: pytest.MonkeyPatch) -> Imports:
    imports = Imports()
    monkeypatch.setattr(installing, "import_test", imports.test)
    monkeypatch.setattr(installing, "fingerprint", lambda *_arguments: imports.fingerprint)
    return imports


def prove(imports: Imports, folder: Path | None, *, keep: bool = False) -> None:
    memory = None if folder is None else Cache(folder=folder)
    if memory is not None:
        memory.prepare()
    options = VerifyOptions(stack="native")
    Proof(world=World(), wanted=options, listen=imports.heard.append, whole=False, keep=keep, memory=memory)(facts())


def test_the_same_environment_is_imported_once(imports: Imports, tmp_path: Path) -> None:
    prove(imports, tmp_path)
    assert imports.heard == []
    prove(imports, tmp_path)
    assert imports.tried == 1
    assert [event.text for event in imports.heard] == ["the very same files have been imported here before"]
    imports.fingerprint = "b" * 64
    prove(imports, tmp_path)
    assert imports.tried == 2


def test_what_could_not_be_imported_is_tried_again(imports: Imports, tmp_path: Path) -> None:
    imports.fails = True
    for _ in range(2):
        with pytest.raises(OutsideError):
            prove(imports, tmp_path)
    prove(imports, tmp_path, keep=True)
    assert imports.tried == 3
    assert [event.kind for event in imports.heard] == ["warning"]
    imports.fails = False
    prove(imports, tmp_path)
    assert imports.tried == 4


@pytest.mark.parametrize("fingerprint", ["a" * 64, None])
def test_without_a_memory_everything_is_tried(imports: Imports, tmp_path: Path, fingerprint: str | None) -> None:
    imports.fingerprint = fingerprint
    for _ in range(2):
        prove(imports, tmp_path if fingerprint is None else None)
    assert imports.tried == 2
