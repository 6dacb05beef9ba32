"""Running a launcher to its end, with nothing in its environment about ranks and where they meet."""

from __future__ import annotations

import contextlib
import json
import subprocess
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.integration import bridge_ranks as ranks

if TYPE_CHECKING:
    from collections.abc import Mapping

LIMIT_S = 240
MARK = "IPEXENV_TEST_JOB"


def without_ranks(more: Mapping[str, str]) -> dict[str, str]:
    """Return an environment that says nothing about ranks and where they meet."""
    made = ranks.environment(**more)
    return {name: value for name, value in made.items() if name not in {"MASTER_ADDR", "MASTER_PORT"} or name in more}


def run(argv: list[str], env: Mapping[str, str], limit_s: float = LIMIT_S) -> ranks.Ended:
    """Run a launcher to its end, and check that none of its processes outlives it."""
    job = uuid.uuid4().hex
    process = subprocess.Popen(
        argv,
        env={**env, MARK: job},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    (ended,) = ranks.finish([process], limit_s=limit_s)
    deadline = time.monotonic() + 60
    while left := having(f"{MARK}={job}"):
        assert time.monotonic() < deadline, f"{left} still run\n{ended}"
        time.sleep(0.05)
    return ended


def having(variable: str) -> list[str]:
    """Return the command lines of processes that were started with that variable."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if variable.encode() in (process / "environ").read_bytes().split(b"\0"):
                found.append((process / "cmdline").read_text().replace("\0", " "))
    return found


def answers(folder: Path) -> list[dict[str, Any]]:
    """Return what the ranks have written to <rank>.json."""
    return [json.loads((folder / f"{rank}.json").read_text()) for rank in range(len(list(folder.glob("*.json"))))]
