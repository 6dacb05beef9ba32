"""Logs that have nothing to do with the catalogue are not explained by it: at most two false causes in two hundred."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from ipexenv.doctor.ranking import rank
from ipexenv.doctor.scanning import scan
from ipexenv.tables.load_failures import load_failures
from tests.integration import bridge_ranks, unrelated
from tests.integration.overlays import clean
from tests.integration.provocations_intel import HEALTHY
from tests.integration.provoked_places import Places, ended_in

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tests.integration.conftest import EnvironmentFactory

pytestmark = pytest.mark.slow

LOGS = 200
RANKS = 2
MOST_FALSE = 2
FLAGS = ((), ("-X", "dev"))


def test_unrelated_logs_are_not_explained(environment: EnvironmentFactory, tmp_path: Path) -> None:
    torch = environment("native213").python
    commands: list[list[str]] = []
    for text, how in unrelated.PLAIN:
        commands += (
            [["bash", "-c", text]] if how == "shell" else [[sys.executable, *flags, "-c", text] for flags in FLAGS]
        )
    commands += [[str(torch), "-c", code] for code in unrelated.TORCH]
    assert len(commands) >= LOGS
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        logs = list(pool.map(lambda command: printed(command, tmp_path), commands))
    failures = load_failures()
    false = [
        (command[-1], cause.failure.id)
        for command, log in zip(commands, logs, strict=True)
        for cause in rank(scan([log], failures))
        if cause.failure.severity in {"fatal", "degraded"}
    ]
    assert len(false) <= MOST_FALSE, false


@pytest.mark.parametrize("level", ["warn", "info", "debug"])
@pytest.mark.parametrize("what", HEALTHY)
def test_what_oneccl_says_while_it_works_is_no_failure(
    what: str, level: str, environment: EnvironmentFactory, interpreter: Callable[[str], Path], tmp_path: Path
) -> None:
    words = {"LIBRARIES": str(bridge_ranks.libraries())}
    places = Places(environment=environment, interpreter=interpreter, folder=lambda _name: tmp_path, words=words)
    command, env = HEALTHY[what]
    talkative = {**env, "CCL_LOG_LEVEL": level}
    log = ended_in(places, "torch27", tmp_path, command, env=talkative, limit_s=120).stdout
    assert log.count("connected") >= RANKS, log
    assert [cause.failure.id for cause in rank(scan([log.encode()], load_failures()))] == []


def printed(command: Sequence[str], folder: Path) -> bytes:
    """Run a program and return all that it printed."""
    ended = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, env=clean(), cwd=folder, timeout=120
    )
    return ended.stdout
