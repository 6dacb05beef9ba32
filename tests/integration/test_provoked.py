"""Failures of the catalogue brought about for real: `explain` names each of them first."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from ipexenv.doctor.ranking import benign, rank
from ipexenv.doctor.scanning import scan
from ipexenv.tables.load_failures import load_failures
from tests.integration import provocations
from tests.integration.overlays import clean
from tests.integration.provoked_places import Places, ended_in, sites

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.integration.conftest import EnvironmentFactory
    from tests.integration.provocation import Provocation

pytestmark = pytest.mark.slow

FAILURES = load_failures()
LIMIT_S = 180
FEWEST = 30


@pytest.fixture(scope="module")
def places(
    environment: EnvironmentFactory, interpreter: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Places]:
    with sites(tmp_path_factory.mktemp("wheels")) as words:
        yield Places(environment=environment, interpreter=interpreter, folder=tmp_path_factory.mktemp, words=words)


@pytest.mark.parametrize("provocation", provocations.ALL, ids=lambda provocation: provocation.label)
def test_what_really_fails_is_named_first(provocation: Provocation, places: Places, tmp_path: Path) -> None:
    log = ended_in(
        places,
        provocation.where,
        tmp_path,
        provocation.command,
        env=provocation.env,
        place=provocation.around,
        limit_s=LIMIT_S,
    ).stdout
    found = scan([log.encode()], FAILURES)
    if any(sighting.failure.id == provocation.cause for sighting in benign(found)):
        assert [cause.failure.id for cause in rank(found) if cause.failure.severity == "fatal"] == []
        return
    assert [cause.failure.id for cause in rank(found)][:1] == [provocation.cause], log[-4000:]
    if " over " in (provocation.where or ""):  # the whole command, with what is known of a broken environment
        assert explained(log, places.python(provocation.where), tmp_path)[:1] == [provocation.cause]


def explained(log: str, python: Path, folder: Path) -> list[str]:
    """Return the ids that `explain` names, best first."""
    (folder / "log.txt").write_text(log, encoding="utf-8")
    command = [sys.executable, "-m", "ipexenv", "explain", "log.txt", "--json", "-q", "--python", str(python)]
    ended = subprocess.run(
        command, capture_output=True, text=True, check=False, env=clean(), cwd=folder, timeout=LIMIT_S
    )
    assert ended.returncode == 0, ended.stderr
    return [cause["id"] for cause in json.loads(ended.stdout)["data"]["causes"]]


def test_they_are_enough_and_each_tells_something_else() -> None:
    labels = [provocation.label for provocation in provocations.ALL]
    assert len(set(labels)) == len(labels)
    assert len({provocation.cause for provocation in provocations.ALL}) >= FEWEST
