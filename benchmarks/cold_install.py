"""Time a whole install, cold and warm, against bare uv and bare pip with the same pins, taking turns in one run.

    python benchmarks/cold_install.py [--torch 2.8.0 --ipex 2.8.0] [--runs 3] [--only uv] [--json FILE]

Each turn has caches of its own, which go with it: a new environment from empty caches (cold), then another from what
these hold by then (warm). With ``--replaced TORCH`` a third install puts back a torch that was replaced by another, to
show what a snapshot of an environment costs. ``--tables`` names a copy of ``compat/`` whose other sources are out of
reach, so that all sides download the same files; without it one is made. Needs network and 12 GB of disk.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parent.parent
SIDES = ("uv", "ipexenv with uv", "pip", "ipexenv with pip")
# What the way back costs: everything between the end of staging and the first change, and what follows the last one.
MEASURED = """
import atexit, json, os, sys, time
from ipexenv.transaction import changing
spent = [0.0]
def timed(function):
    def run(*arguments, **named):
        began = time.perf_counter()
        try:
            return function(*arguments, **named)
        finally:
            spent[0] += time.perf_counter() - began
    return run
changing.begin = timed(changing.begin)
changing.finish = timed(changing.finish)
changing.Changing.installed = timed(changing.Changing.installed)
changing.Changing.settle = timed(changing.Changing.settle)
atexit.register(lambda: open(os.environ["SPENT"], "w").write(json.dumps(spent[0])))
from ipexenv.__main__ import main
sys.exit(main())
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """What is installed, and with what."""

    torch: str
    ipex: str
    tables: Path
    replaced: str | None
    labels: tuple[str, ...] = ("cold", "warm")

    @property
    def pins(self) -> list[str]:
        """Return what the bare engines are asked for."""
        return [f"torch=={self.torch}", f"intel_extension_for_pytorch=={self.ipex}"]


@dataclass(kw_only=True, slots=True)
class Turn:
    """One side in a folder of its own."""

    side: str
    subject: Subject
    folder: Path
    seconds: dict[str, float] = field(default_factory=dict)
    shares: dict[str, float] = field(default_factory=dict)
    """How much of the time journal and snapshot took."""

    @property
    def venv(self) -> str:
        """Return where the environment is made."""
        return str(self.folder / "venv")

    def take(self) -> None:
        """Install cold, warm and, where asked, in the place of another torch."""
        for label in self.subject.labels:
            shutil.rmtree(self.venv, ignore_errors=True)
            self._time(label)
        if self.subject.replaced is not None and self.side.startswith("ipexenv"):
            self._run([*self._uv("install"), "--no-deps", f"torch=={self.subject.replaced}"])
            self._time("replaced")

    def _time(self, label: str) -> None:
        began = time.perf_counter()
        for command in self._commands():
            self._run(command)
        self.seconds[label] = time.perf_counter() - began
        spent = self.folder / "spent"
        if spent.exists():
            self.shares[label] = json.loads(spent.read_text("utf-8")) / self.seconds[label]

    def _commands(self) -> list[list[str]]:
        if self.side == "uv":
            made = [uv_program(), "venv", "-q", "--python", sys.executable, self.venv]
            return [made, [*self._uv("install"), *self.subject.pins]]
        if self.side == "pip":
            pip = [f"{self.venv}/bin/python", "-m", "pip", "install", "-q", *self.subject.pins]
            return [[sys.executable, "-m", "venv", self.venv], pip]
        words = ["install", "-q", "--venv", self.venv, "--engine", self.side.rpartition(" ")[2], "--ccl", "none"]
        words += ["--torch", self.subject.torch, "--allow-yanked", "--allow-torch-change"]
        return [[sys.executable, "-c", MEASURED, *words, "--tables", str(self.subject.tables)]]

    def _uv(self, command: str) -> list[str]:
        return [uv_program(), "pip", command, "-q", "--python", f"{self.venv}/bin/python"]

    def _run(self, command: list[str]) -> None:
        caches = {f"{name}_CACHE_DIR": str(self.folder / "caches" / name.lower()) for name in ("PIP", "UV", "IPEXENV")}
        env = {**os.environ, **caches, "SPENT": str(self.folder / "spent"), "PYTHONPATH": str(ROOT)}
        subprocess.run(command, env=env, check=True, stdout=subprocess.DEVNULL)


def uv_program() -> str:
    """Return the uv that ipexenv takes, too."""
    beside = Path(sys.executable).parent / "uv"
    return str(beside) if beside.is_file() else "uv"


def tables_without_sources(folder: Path) -> Path:
    """Copy ``compat/`` with its sources at an address where nobody listens; return the copy."""
    copy = shutil.copytree(ROOT / "compat", folder / "tables")
    file = copy / "sources.toml"
    lines = file.read_text("utf-8").splitlines()
    dead = ['url = "https://127.0.0.1:9/"' if line.startswith("url = ") else line for line in lines]
    file.write_text("\n".join(dead) + "\n", encoding="utf-8")
    return Path(copy)


def measure(subject: Subject, sides: list[str], runs: int) -> list[Turn]:
    """Return every turn; the sides take turns, so that the network's moods meet all of them."""
    turns = []
    for number in range(runs):
        for side in sides:
            with tempfile.TemporaryDirectory(prefix="ipexenv-benchmark-") as name:
                turn = Turn(side=side, subject=subject, folder=Path(name))
                turn.take()
            turns.append(turn)
            print(number + 1, side, turn.seconds, turn.shares, file=sys.stderr)
    return turns


def report(turns: list[Turn], sides: list[str]) -> None:
    """Print the Markdown table: medians, and ratios to the bare engines of the same run."""

    def median(side: str, label: str) -> float:
        found = [turn.seconds[label] for turn in turns if turn.side == side and label in turn.seconds]
        return statistics.median(found) if found else float("nan")

    def share(side: str, label: str) -> str:
        found = [turn.shares[label] for turn in turns if turn.side == side and label in turn.shares]
        return f"{statistics.median(found):.1%}" if found else ""

    print("| install | seconds | of bare uv | of bare pip | journal and snapshot |\n| --- | --- | --- | --- | --- |")
    for label in ("cold", "warm", "replaced"):
        for side in sides:
            took = median(side, label)
            if not math.isnan(took):
                ratios = " | ".join(f"{took / median(rival, label):.2f}" for rival in ("uv", "pip"))
                print(f"| {label}, {side} | {took:.1f} | {ratios} | {share(side, label)} |")


def main() -> int:
    """Measure all sides and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--torch", default="2.8.0")
    parser.add_argument("--ipex", default="2.8.0")
    parser.add_argument("--tables", type=Path)
    parser.add_argument("--replaced", metavar="TORCH", help="measure as well what putting back this torch takes")
    parser.add_argument("--only", action="append", choices=SIDES, help="take this side alone (repeatable)")
    parser.add_argument("--cold", action="store_true", help="leave out the warm installs")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", type=Path, help="write every single figure here")
    options = parser.parse_args()
    sides = options.only or list(SIDES)
    with tempfile.TemporaryDirectory(prefix="ipexenv-benchmark-") as folder:
        tables = options.tables or tables_without_sources(Path(folder))
        labels = ("cold",) if options.cold else ("cold", "warm")
        subject = Subject(
            torch=options.torch, ipex=options.ipex, tables=tables, replaced=options.replaced, labels=labels
        )
        turns = measure(subject, sides, options.runs)
    if options.json is not None:
        rows = [{"side": turn.side, "seconds": turn.seconds, "shares": turn.shares} for turn in turns]
        options.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    report(turns, sides)
    return 0


if __name__ == "__main__":
    sys.exit(main())
