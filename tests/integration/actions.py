"""A place to run action.yml in: played wheels, tables without sources, and ipexenv's own environment made once."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.integration.workflow_cache import FolderCache
from tests.integration.workflow_runner import Ran, inherited, run_action
from tests.servers import closed_port
from tests.wheels import build_wheel, fake_ipex, fake_torch

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parent.parent.parent
ACTION = ROOT / "action.yml"
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"


def make_tool(folder: Path, *, whole: bool = True) -> Path:
    """Make the environment that action.yml runs ipexenv in, ``whole`` with what installing needs; return its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    env = {**inherited(), "RUNNER_TEMP": str(folder)}
    script = [sys.executable, "-I", str(ROOT / "ipexenv" / "ci" / "tool.py")]
    subprocess.run(script, env=env, check=True, capture_output=True, timeout=600)
    later = folder / "ipexenv-tool" / "later.json"
    if not whole:
        return later.parent
    subprocess.run(json.loads(later.read_text("utf-8")), env=env, check=True, capture_output=True, timeout=600)
    later.unlink()
    return folder / "ipexenv-tool"


def played_wheels(folder: Path) -> Path:
    """Make a folder with two torches, their IPEX, and what these need."""
    for version in ("2.7.0", "2.8.0"):
        fake_torch(folder, version, PYTHON)
        fake_ipex(folder, version, PYTHON)
    build_wheel(folder, "numpy", "1.26.4")
    return folder


@dataclass(kw_only=True)
class Runner:
    """A runner whose temporary folder is emptied between jobs, as GitHub's are."""

    folder: Path
    tables: Path
    tool: Path | None = None
    sources: Path | None = None
    env: dict[str, str] = field(default_factory=dict)
    number: int = 0
    """Of the last run."""

    @property
    def cache(self) -> FolderCache:
        return FolderCache(folder=self.folder / "cache")

    @property
    def job(self) -> Path:
        return self.folder / "job"

    @property
    def venv(self) -> Path:
        return self.job / "ipexenv" / "venv"

    def run(self, env: Mapping[str, str] | None = None, /, *, fresh: bool = True, **inputs: str) -> Ran:
        """Run the action as one job; ``fresh`` empties the temporary folder before."""
        if fresh:
            self.empty()
        self.job.mkdir(exist_ok=True)
        if self.tool is not None and not (self.job / "ipexenv-tool").exists():
            shutil.copytree(self.tool, self.job / "ipexenv-tool", symlinks=True, copy_function=os.link)
        self.number += 1
        more = {**self.env, "GITHUB_RUN_ID": str(self.number), **(env or {})}
        asked = {name.replace("_", "-"): value for name, value in inputs.items()}
        if self.sources is not None:
            asked = {"sources": str(self.sources), "ccl": "none", "torch": "2.8", **asked}
        return run_action(ACTION, asked, folder=self.job, env={**self._env(), **more}, cache=self.cache)

    def empty(self) -> None:
        """Empty the temporary folder, as between two jobs."""
        shutil.rmtree(self.job, ignore_errors=True)

    def run_cut_off(self, **inputs: str) -> Ran:
        """Run where no source can be reached: whatever has to be fetched fails."""
        return self.run(nowhere(), fresh=True, **inputs)

    def _env(self) -> dict[str, str]:
        folders = {f"{name}_CACHE_DIR": str(self.folder / "downloads" / name) for name in ("PIP", "UV", "IPEXENV")}
        offline = {} if self.sources is None else {"PIP_NO_INDEX": "1", "UV_NO_INDEX": "1"}
        return {**inherited(), **folders, **offline, "IPEXENV_TABLES": str(self.tables)}


def nowhere() -> dict[str, str]:
    """Return variables by which every index is an address where nobody answers."""
    dead = closed_port()
    names = ("PIP_INDEX_URL", "UV_INDEX_URL", "UV_DEFAULT_INDEX", "http_proxy", "https_proxy")
    return {**dict.fromkeys(names, dead), "PIP_NO_INDEX": "", "UV_NO_INDEX": "", "PIP_EXTRA_INDEX_URL": dead}
