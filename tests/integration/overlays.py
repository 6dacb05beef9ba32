"""Small environments over large ones: a few packages of their own, and behind them those of one that nobody changes."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.integration.conftest import Environment

if TYPE_CHECKING:
    from pathlib import Path

_OUTSIDE = ("VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONPATH", "PYTHONHOME")


def make_overlay(base: Environment, folder: Path) -> Environment:
    """Make an environment that sees the packages of ``base`` behind its own."""
    subprocess.run(
        [str(base.python), "-I", "-m", "venv", "--without-pip", str(folder)],
        check=True,
        capture_output=True,
        env=clean(),
    )
    overlay = Environment(folder=folder)
    (overlay.site_packages / "base.pth").write_text(f"{base.site_packages}\n", encoding="utf-8")
    return overlay


def clean(**more: str) -> dict[str, str]:
    """Return this process's environment without what would lead a Python or its ranks elsewhere."""
    steering = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "CCL_", "FI_", "I_MPI_", "PMI_", "TORCH_")
    kept = {name: value for name, value in os.environ.items() if name not in _OUTSIDE and not name.startswith(steering)}
    return {**kept, **more}


def pip(python: Path, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run the pip beside the tests on an environment that has none of its own."""
    ended = subprocess.run(
        [sys.executable, "-I", "-m", "pip", "--python", str(python), *words],
        capture_output=True,
        text=True,
        check=False,
        env=clean(),
        timeout=900,
    )
    assert not check or ended.returncode == 0, f"pip {' '.join(words)}\n{ended.stdout}\n{ended.stderr}"
    return ended
