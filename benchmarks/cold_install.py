"""Time a whole cold install against the bare engine with the same pins: new environment, empty caches, every run.

    python benchmarks/cold_install.py [--torch 2.8.0 --ipex 2.8.0] [--engine uv --engine pip] [--runs 3]

Needs hyperfine on PATH, network, and about 20 GB of disk. Sources other than the configured package index are not asked
(``--tables`` is pointed at a copy without them), so that both sides download the same files.
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent


def tables_without_sources(folder: Path) -> Path:
    """Copy ``compat/`` with an empty list of named sources; return the copy."""
    copy = folder / "tables"
    copy.mkdir()
    for file in (ROOT / "compat").glob("*.toml"):
        (copy / file.name).write_text("" if file.name == "sources.toml" else file.read_text("utf-8"), encoding="utf-8")
    for name in ("ipex.toml", "oneccl.toml"):
        rows = (copy / name).read_text("utf-8").splitlines()
        (copy / name).write_text("\n".join(row for row in rows if not row.startswith("sources =")), encoding="utf-8")
    return copy


def script(folder: Path, name: str, lines: list[str]) -> str:
    """Write a shell script that hyperfine can start; return its command."""
    file = folder / f"{name}.sh"
    file.write_text("set -eu\n" + "\n".join(lines) + "\n", encoding="utf-8")
    return f"sh {shlex.quote(str(file))}"


def measure(engine: str, torch: str, ipex: str, runs: int) -> dict[str, float]:
    """Return the median seconds of ipexenv and of the bare engine."""
    with tempfile.TemporaryDirectory(prefix="ipexenv-benchmark-") as name:
        folder = Path(name)
        venv, caches = folder / "venv", folder / "caches"
        clean = script(folder, "clean", [f"rm -rf {venv} {caches}"])
        exports = [f"export PIP_CACHE_DIR={caches}/pip UV_CACHE_DIR={caches}/uv"]
        yanked = "" if ipex.startswith(("2.6", "2.7", "2.8")) else " --allow-yanked"
        ours = (
            f"{shlex.quote(sys.executable)} -m ipexenv install -q --venv {venv}"
            f" --engine {engine} --torch {torch}{yanked}"
            f" --tables {tables_without_sources(folder)}"
        )
        pins = f"torch=={torch} intel_extension_for_pytorch=={ipex}"
        python, bin_folder = shlex.quote(sys.executable), Path(sys.executable).parent
        bare = {
            "pip": [
                f"{python} -m venv {venv}",
                f"{venv}/bin/pip install -q torch=={torch} intel_extension_for_pytorch=={ipex}",
            ],
            "uv": [
                f"PATH={bin_folder}:$PATH",
                f"uv venv -q --python {python} {venv}",
                f"uv pip install -q --python {venv}/bin/python {pins}",
            ],
        }[engine]
        report = folder / "report.json"
        subprocess.run(
            [
                "hyperfine",
                "--shell=none",
                f"--runs={runs}",
                f"--prepare={clean}",
                f"--export-json={report}",
                script(folder, "ours", [*exports, ours]),
                script(folder, "bare", [*exports, *bare]),
            ],
            check=True,
            stdout=sys.stderr,
        )
        results = json.loads(report.read_text("utf-8"))["results"]
    return {"ipexenv": results[0]["median"], "bare": results[1]["median"]}


def main() -> int:
    """Measure each engine and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--torch", default="2.8.0")
    parser.add_argument("--ipex", default="2.8.0")
    parser.add_argument("--engine", action="append", choices=["uv", "pip"])
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    print("| cold install | ipexenv | bare engine | ratio |\n| --- | --- | --- | --- |")
    for engine in options.engine or ["uv", "pip"]:
        seconds = measure(engine, options.torch, options.ipex, options.runs)
        ratio = seconds["ipexenv"] / seconds["bare"]
        print(
            f"| torch {options.torch}, {engine} | {seconds['ipexenv']:.1f} s | {seconds['bare']:.1f} s | {ratio:.2f} |"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
