"""Time allreduces, and training steps, over the bridge against gloo, Intel's bindings and Intel MPI's own benchmark.

    python -m benchmarks.allreduce --python .../bin/python [--libraries DIR] [--launcher mpirun] [-n 2] [--rounds 3]
        [--only sizes|steps] [--sizes 8,1024] [--types float32,bfloat16] [--bindings .../bin/python]
        [--add FILE]... [--json FILE] [--markdown FILE] [--svg FILE]

``--python`` is a Python that has torch and the bridge, and impi-rt for ``mpirun`` and IMB-MPI1. With ``--libraries``
the bridge is this source tree's instead, and DIR holds the libraries in ``lib`` and ``mpirun`` and IMB-MPI1 in ``bin``
(as ``tests.integration.bridge_ranks.libraries()`` makes it). ``--bindings`` is a Python with Intel's own bindings,
timed beside the others. Where there is no IMB-MPI1, that side is left out.

Every round runs every side once, in another order each time, so that what disturbs the machine hits all of them; the
medians over the rounds count. The sides have the same torch, the same CPUs and no settings but their own defaults.
A run that may not take long is made in pieces: ``--rounds 1 --launcher plain --json one.json``, and so on, and at last
``--rounds 0 --add one.json --add two.json``. On 2 cores a round of sizes takes about 35 seconds for each launcher, and
a round of steps about as long. Let nothing else run meanwhile.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from pathlib import Path

from benchmarks.allreduce import samples as kept
from benchmarks.allreduce.launch import LAUNCHERS, Site, time_imb, time_ranks
from benchmarks.allreduce.plot import draw
from benchmarks.allreduce.samples import ALLREDUCE, BINDINGS, BRIDGE, GLOO, IMB, SIZES_BYTES, TYPES, Sample
from benchmarks.allreduce.table import tables

BACKENDS = {BRIDGE: "ccl", GLOO: "gloo", BINDINGS: "ccl"}


def machine() -> dict[str, str]:
    """Say what the figures were taken on."""
    cpu = Path("/proc/cpuinfo").read_text("utf-8").partition("model name")[2].partition("\n")[0].lstrip("\t :")
    return {"CPU": cpu, "cores": str(len(os.sched_getaffinity(0))), "kernel": platform.release()}


class Run:
    """One run: what it is to measure, and what it has measured."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.site = Site(python=options.python.absolute(), libraries=options.libraries, bindings=options.bindings)
        self.machine = machine()
        self.samples: list[Sample] = []
        has_imb = (self.site.mpi / "bin" / "IMB-MPI1").is_file()
        self.sides = [BRIDGE, GLOO, *([BINDINGS] if options.bindings else []), *([IMB] if has_imb else [])]

    def measure(self) -> None:
        """Do all rounds."""
        for turn in range(self.options.rounds):
            first = turn % len(self.sides)
            for launcher in self.options.launcher:
                for side in self.sides[first:] + self.sides[:first]:
                    print(f"round {turn + 1} of {self.options.rounds}: {launcher}, {side}", file=sys.stderr)
                    self._measure(launcher, side)

    def _measure(self, launcher: str, side: str) -> None:
        options = self.options
        if side == IMB:
            if options.only != "steps":
                found = time_imb(self.site, options.n, options.sizes)
                self._keep(launcher, side, [(ALLREDUCE, "float32", size, seconds) for size, seconds in found.items()])
            return
        types = ",".join(options.types)
        programs = {
            "sizes": ["rank.py", BACKENDS[side], types, ",".join(map(str, options.sizes))],
            "steps": ["ddp_rank.py", BACKENDS[side], types],
        }
        for what, program in programs.items():
            if options.only in {None, what}:
                answer = time_ranks(self.site, launcher, options.n, program, bindings=side == BINDINGS)
                self.machine[side] = answer["said"].partition("; set by")[0]
                self._keep(launcher, side, answer["rows"])

    def _keep(self, launcher: str, side: str, rows: list[tuple[str, str, int, float]]) -> None:
        self.samples += [
            Sample(
                launcher=launcher,
                ranks=self.options.n,
                side=side,
                what=what,
                dtype=dtype,
                size_bytes=size_bytes,
                seconds=seconds,
            )
            for what, dtype, size_bytes, seconds in rows
        ]


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.allreduce",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )

    def numbers(text: str) -> tuple[int, ...]:
        return tuple(map(int, text.split(",")))

    parser.add_argument("--python", type=Path, default=Path(sys.executable))
    parser.add_argument("--libraries", type=Path)
    parser.add_argument("--bindings", type=Path)
    parser.add_argument("--launcher", action="append", choices=LAUNCHERS)
    parser.add_argument("-n", type=int, default=2, help="ranks")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=["sizes", "steps"])
    parser.add_argument("--sizes", type=numbers, default=SIZES_BYTES, metavar="BYTES,...")
    parser.add_argument("--types", type=lambda text: tuple(text.split(",")), default=TYPES, metavar="TYPE,...")
    for name in ("--json", "--markdown", "--svg"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--add", type=Path, action="append", default=[], help="what --json wrote before")
    options = parser.parse_args(arguments)
    options.launcher = options.launcher or list(LAUNCHERS)
    return options


def main() -> int:
    """Measure, add what was measured before, and show all of it."""
    options = parse()
    run = Run(options)
    before: list[Sample] = []
    for path in options.add:
        described, found = kept.read(path)
        run.machine.update(described)
        before += found
    run.measure()
    everything = [*before, *run.samples]
    rows = kept.rows(everything)
    text = tables(rows, run.machine)
    print(text)
    if options.json:
        kept.write(options.json, run.machine, everything)
    if options.markdown:
        options.markdown.write_text(text, encoding="utf-8")
    if options.svg:
        options.svg.write_text(draw(rows), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
