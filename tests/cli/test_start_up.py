"""What a command imports, which is the most of what a short one costs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LIST_MODULES = """
import json, sys
from ipexenv.cli import main
code = main(sys.argv[1:])
sys.stdout.write("\\n" + json.dumps([code, sorted(sys.modules)]))
"""
STATUS = ("status", "--python", sys.executable)
REMOTE = ("resolve", "--offline", "--torch", "2.7.0", "--target-python", "3.11", "--glibc", "2.36")
HEAVY = ("rich", "requests", "urllib.request", "http", "ssl", "asyncio", "concurrent.futures", "shutil", "tempfile")


def imported(*arguments: str) -> set[str]:
    """Run a command in a process of its own and return the modules that it imported."""
    command = [sys.executable, "-c", LIST_MODULES, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=ROOT, check=True)
    code, modules = json.loads(done.stdout.splitlines()[-1])
    assert code in (0, 1), done.stderr
    return set(modules) - before_any_command()


def before_any_command() -> set[str]:
    """Return what the interpreter itself starts with here: coverage and editable installs add to it."""
    command = [sys.executable, "-c", "import json, sys; print(json.dumps(sorted(sys.modules)))"]
    return set(json.loads(subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout))


@pytest.mark.parametrize("arguments", [STATUS, REMOTE], ids=lambda arguments: str(arguments[0]))
def test_nothing_heavy(arguments: tuple[str, ...]) -> None:
    assert imported(*arguments).isdisjoint(HEAVY)


def test_status_imports_what_looks_and_judges_alone() -> None:
    own = {name.removeprefix("ipexenv.") for name in imported(*STATUS) if name.startswith("ipexenv.")}
    packages = {"install", "verify", "bridge", "plan", "outcome", "report.matrix", "report.progress"}
    assert own.isdisjoint(packages | {"tables.sources", "tables.frameworks", "probe.tags", "resolve.solve"})
    assert {"probe.look", "resolve.fit", "tables.load"} <= own


def test_a_remote_target_is_not_looked_at() -> None:
    own = imported(*REMOTE)
    assert own.isdisjoint({"ipexenv.probe.look", "ipexenv.probe.target", "ipexenv.tables.sources", "ctypes"})


@pytest.mark.parametrize("words", [("--json",), ("-v",)], ids=str)
def test_wheel_tags_are_worked_out_where_they_are_shown(words: tuple[str, ...]) -> None:
    assert "ipexenv.probe.tags" in imported(*STATUS, *words)
