r"""Time `ipexenv explain` on a long log against `grep -E` with the same patterns, as a ratio within one run.

    python benchmarks/explain.py [--megabytes 256] [--rounds 3] [--markdown FILE]

The log is that of a healthy training with one known failure at its end. grep gets one expression of all patterns, in
its own spelling where it has no other (``\d``, groups without names), and only counts the lines that match.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from ipexenv.tables.load_failures import load_failures

_CLASSES = {r"\d": "[0-9]", r"\D": "[^0-9]"}


def extended(pattern: str) -> str:
    """Return a pattern in the spelling of POSIX extended expressions, as far as grep has the same."""
    pattern = re.sub(r"\(\?P<\w+>", "(", pattern)
    pattern = re.sub(r"\(\?[a-z]*:?\)?", "(" if "(?:" in pattern else "", pattern, count=0)
    for ours, theirs in _CLASSES.items():
        pattern = pattern.replace(ours, theirs)
    return re.sub(r"(?<=[*+?}])\?", "", pattern)


def write_log(path: Path, megabytes: int) -> None:
    """Write the log of a training that ends badly."""
    lines = [
        f"2026-01-01 07:00:{step % 60:02d},123 INFO trainer step {step} loss {1 / (step + 1):.5f} lr 5e-05 tokens/s "
        f"{step * 17 % 9999} in /venv/lib/python3.11/site-packages/torch/nn/modules/module.py"
        for step in range(50_000)
    ]
    block = ("\n".join(lines) + "\n").encode()
    with path.open("wb") as file:
        while file.tell() < megabytes << 20:
            file.write(block)
        file.write(b"RuntimeError: Unknown c10d backend type CCL\n")


def seconds(command: list[str]) -> float:
    """Return how long a command takes, pinned to one CPU."""
    cpu = min(os.sched_getaffinity(0))
    started = time.perf_counter()
    subprocess.run(
        ["taskset", "-c", str(cpu), *command], stdout=subprocess.DEVNULL, check=False, env={**os.environ, "LC_ALL": "C"}
    )
    return time.perf_counter() - started


def main() -> None:
    """Measure and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--markdown", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ipexenv-benchmark-") as folder:
        log, expressions = Path(folder) / "train.log", Path(folder) / "patterns.txt"
        write_log(log, options.megabytes)
        patterns = [extended(pattern) for failure in load_failures() for pattern in failure.patterns]
        expressions.write_text("\n".join(patterns) + "\n", encoding="utf-8")
        commands = {
            "ipexenv explain": [sys.executable, "-m", "ipexenv", "explain", str(log), "--venv", "/nowhere"],
            "grep -E -c -f": ["grep", "-E", "-c", "-f", str(expressions), str(log)],
        }
        taken: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(options.rounds):
            for name, command in commands.items():
                taken[name].append(seconds(command))
        size = log.stat().st_size / 1e6
    rows = ["| command | seconds | MB/s on one core | ratio |", "| --- | --- | --- | --- |"]
    first = statistics.median(taken["ipexenv explain"])
    for name, values in taken.items():
        middle = statistics.median(values)
        rows.append(f"| `{name}` | {middle:.2f} | {size / middle:.0f} | {middle / first:.2f} |")
    text = "\n".join(rows) + "\n"
    sys.stdout.write(text)
    if options.markdown:
        options.markdown.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
