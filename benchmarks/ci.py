"""Time action.yml cold, warm and warm with proof, against each other and the bare training script, in one run.

    python benchmarks/ci.py [--torch 2.8 --stack ipex] [--ccl none] [--runs 1] [--json FILE]

The tests' own runner plays GitHub's: each job begins with an empty temporary folder, and the cache is a folder on the
same disk whose files are linked in and out (a real one adds its download, which is not ipexenv's to make faster). Cold
downloads everything and installs; warm gets ipexenv itself, restores, compares every file by SHA-256, and passes the
environment on; with proof it runs ``verify`` as well. The last rival is ``bare_verify.py``: the same training without
checks. Only the ratios mean anything elsewhere. Needs network; with torch 2.8 from an index that has CUDA builds alone
12 GB of disk, in the folder that TMPDIR names.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.cold_install import tables_without_sources  # noqa: E402 (a script: its own checkout comes first)
from tests.integration.actions import Runner  # noqa: E402 (as above)

if TYPE_CHECKING:
    from tests.integration.workflow_runner import Ran

LABELS = ("cold", "warm", "warm, verify", "verify alone", "bare script")


@dataclass(kw_only=True, slots=True)
class Turn:
    """Everything once, in a folder of its own."""

    runner: Runner
    inputs: dict[str, str]
    seconds: dict[str, float] = field(default_factory=dict)
    stages: dict[str, str] = field(default_factory=dict)
    """What the summaries say of each stage."""

    def take(self) -> None:
        """Run cold, warm, warm with proof, and the bare script; raise AssertionError where one is not what it says."""
        self._time("cold", hit="false")
        self._time("warm", hit="true")
        proved = self._time("warm, verify", hit="true", verify="true")
        checks = json.loads(Path(proved.outputs["verify-report"]).read_text("utf-8"))["checks"]
        print([(check["id"], check["status"]) for check in checks], file=sys.stderr)
        self.seconds["verify alone"] = _stage(proved.summary, "verify")
        began = time.perf_counter()
        script = [proved.outputs["python"], str(ROOT / "benchmarks" / "bare_verify.py")]
        subprocess.run(script, check=True, stdout=subprocess.DEVNULL)
        self.seconds["bare script"] = time.perf_counter() - began

    def _time(self, label: str, *, hit: str, **more: str) -> Ran:
        self.runner.empty()
        os.sync()  # what the job before has written is no part of this one
        began = time.perf_counter()
        ran = self.runner.run(None, fresh=False, **{**self.inputs, **more})
        self.seconds[label] = time.perf_counter() - began
        assert ran.code == 0, ran.log
        assert ran.outputs["cache-hit"] == hit, ran.log
        rows = ran.summary.partition("| stage |")[2].partition("\n\n")[0].splitlines()[2:]
        self.stages[label] = ", ".join(" ".join(row.strip("| ").split(" | ")) for row in rows)
        print(f"{label}: {self.seconds[label]:.1f} s ({self.stages[label]})", file=sys.stderr)
        return ran


def _stage(summary: str, name: str) -> float:
    row = next(line for line in summary.splitlines() if line.startswith(f"| {name} | "))
    return float(row.split("|")[2])


def table(turns: list[Turn]) -> str:
    """Return the Markdown table: medians, and what they are of a cold run and of the bare script."""
    medians = {label: statistics.median(turn.seconds[label] for turn in turns) for label in LABELS}
    lines = ["| | seconds | of cold | of the bare script |", "| --- | --- | --- | --- |"]
    for label, seconds in medians.items():
        lines.append(
            f"| {label} | {seconds:.1f} | {seconds / medians['cold']:.3f} | {seconds / medians['bare script']:.2f} |"
        )
    return "\n".join(lines) + "\n"


def main() -> int:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--torch", default="2.8")
    parser.add_argument("--stack", choices=("ipex", "native"), default="ipex")
    parser.add_argument("--ccl", default="none", help="the bare script needs none; auto proves the ccl backend as well")
    parser.add_argument("--tables", type=Path, help="read the tables from here and not from a copy without sources")
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--json", type=Path, help="write every single figure here")
    options = parser.parse_args()
    inputs = {"torch": options.torch, "stack": options.stack, "ccl": options.ccl, "allow-yanked": "true"}
    turns = []
    for _ in range(options.runs):
        with tempfile.TemporaryDirectory(prefix="ipexenv-benchmark-") as name:
            tables = options.tables or tables_without_sources(Path(name))
            turn = Turn(runner=Runner(folder=Path(name), tables=tables.resolve()), inputs=inputs)
            turn.take()
        turns.append(turn)
    if options.json is not None:
        rows = [{"seconds": turn.seconds, "stages": turn.stages} for turn in turns]
        options.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    print(table(turns))
    return 0


if __name__ == "__main__":
    sys.exit(main())
