"""A short run of atheris over what reads outside text, the same one each time.

Hours of it, each time another, are `python -m tests.fuzz TARGET FOLDER`; the weekly workflow does some.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.targets import TARGETS

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
RUNS = {"page": 10_000, "filename": 40_000, "wheel": 7_000, "lock": 12_000}
"""How many inputs are tried: some seconds' worth of each."""


@pytest.mark.parametrize("name", TARGETS)
def test_nothing_crashes_hangs_or_leads_out_of_its_folder(tmp_path: Path, name: str) -> None:
    if importlib.util.find_spec("atheris") is None:
        pytest.skip(
            "atheris is not installed here: `pip install 'ipexenv[fuzz]'` has it for CPython 3.11 to 3.13 on Linux"
        )
    found = tmp_path / "found"
    found.mkdir()
    options = ("-seed=1", f"-runs={RUNS[name]}", f"-artifact_prefix={tmp_path}/", "-rss_limit_mb=2048")
    command = [sys.executable, "-m", "tests.fuzz", name, str(found), *options]
    ended = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, errors="replace", check=False, timeout=600
    )
    left = {path.name: path.read_bytes()[:400] for path in tmp_path.iterdir() if path.is_file()}
    assert (ended.returncode, left) == (0, {}), ended.stderr[-3000:]
    assert "DONE" in ended.stderr
