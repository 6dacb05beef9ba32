"""Time ipexenv's commands against what a user would run instead, as ratios within one run of hyperfine.

    python benchmarks/commands.py --target .../bin/python [--only status,resolve] [--markdown FILE]

``--target`` is a Python that has torch. Needs hyperfine (https://github.com/sharkdp/hyperfine) on PATH. Each group runs
its commands one after the other on the same machine in the same minute; only the ratios mean anything elsewhere.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
REMOTE = "--offline --torch 2.7.0 --target-python 3.11 --platform linux_x86_64 --glibc 2.36"


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """One command of ours and its rivals."""

    name: str
    ours: str
    rivals: tuple[tuple[str, str], ...]
    aim: str
    runs: int = 10


def groups(target: str) -> tuple[Group, ...]:
    """Return what is measured; ``target`` is the Python with torch."""
    ours = shlex.join([sys.executable, "-m", "ipexenv"])
    there = shlex.quote(target)
    return (
        Group(
            name="status",
            ours=f"{ours} status --python {there}",
            rivals=(
                ("pip list", f"{there} -m pip list"),
                ("uv pip list", f"uv pip list --python {there}"),
                ("collect_env", f"{there} -m torch.utils.collect_env"),
                ("import torch", f"{there} -c 'import torch'"),
            ),
            aim="< 0.2 of pip list, < 0.05 of collect_env",
        ),
        Group(
            name="resolve (remote target, offline)",
            ours=f"{ours} resolve {REMOTE}",
            rivals=(("python -c pass", f"{there} -c pass"), ("pip list", f"{there} -m pip list")),
            aim="< 0.2 s",
        ),
        Group(
            name="install, nothing to do",
            ours=f"{ours} install --python {there}",
            rivals=(
                (
                    "pip install, nothing to do",
                    f"{there} -m pip install --disable-pip-version-check torch intel_extension_for_pytorch",
                ),
                ("uv pip install, nothing to do", f"uv pip install --python {there} torch intel_extension_for_pytorch"),
            ),
            aim="under the bare engine's own no-op (pip)",
        ),
        Group(
            name="verify",
            ours=f"{ours} verify --python {there}",
            rivals=(("the bare scripts", f"{there} {shlex.quote(str(HERE / 'bare_verify.py'))}"),),
            aim="< 1.3 of the bare scripts",
            runs=5,
        ),
    )


def measure(group: Group) -> dict[str, float]:
    """Return the median seconds of each command of ``group``, by label."""
    labels = ["ipexenv", *(label for label, _ in group.rivals)]
    with tempfile.NamedTemporaryFile(suffix=".json") as report:
        subprocess.run(
            [
                "hyperfine",
                "--shell=none",
                "--ignore-failure",
                "--warmup=1",
                f"--runs={group.runs}",
                f"--export-json={report.name}",
                group.ours,
                *(command for _, command in group.rivals),
            ],
            check=True,
            stdout=sys.stderr,
        )
        results = json.load(report)["results"]
    return {label: result["median"] for label, result in zip(labels, results, strict=True)}


def table(measured: list[tuple[Group, dict[str, float]]]) -> str:
    """Return the Markdown table."""
    lines = ["| command | median | against | its median | ratio | aim |", "| --- | --- | --- | --- | --- | --- |"]
    for group, seconds in measured:
        for label, _ in group.rivals:
            ours, theirs = seconds["ipexenv"], seconds[label]
            lines.append(
                f"| {group.name} | {ours:.3f} s | {label} | {theirs:.3f} s | {ours / theirs:.3f} | {group.aim} |"
            )
    return "\n".join(lines) + "\n"


def main() -> int:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", required=True, help="a Python that has torch")
    parser.add_argument("--only", help="comma-separated first words of the groups to run")
    parser.add_argument("--markdown", type=Path, help="also write the table to this file")
    options = parser.parse_args()
    if shutil.which("hyperfine") is None:
        parser.error("hyperfine is not on PATH: install your distribution's package `hyperfine`")
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # users run what was compiled before, and so do the rivals
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    wanted = None if options.only is None else tuple(options.only.split(","))
    chosen = [group for group in groups(options.target) if wanted is None or group.name.startswith(wanted)]
    text = table([(group, measure(group)) for group in chosen])
    print(text)
    if options.markdown is not None:
        options.markdown.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
