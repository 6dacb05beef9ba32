"""Time question-answering fine-tuning under `ipexenv run` against the ways that people start it without.

    python -m benchmarks.finetuning --python .../bin/python [-n 1,2] [--rounds 3] [--steps 24] [--only torchrun,...]
        [--asking "--ipex none"] [--add FILE]... [--json FILE] [--markdown FILE]

``--python`` is a Python with torch, transformers, accelerate, IPEX, the bridge and impi-rt. All sides train the same
model on the same questions with the arguments that `ipexenv trainer-args` prints (``--asking`` goes to it), and differ
in how their ranks are started:

    ipexenv   `ipexenv run -n N`
    mpirun    the published recipe: Intel's mpirun -n N, CCL_WORKER_COUNT=1, OMP_NUM_THREADS = cores of a rank minus one
    torchrun  torchrun's defaults, without settings and without a backend
    ipexrun   IPEX's launcher with its defaults, one ccl worker where a rank has a core for it

Every round runs every side once, in another order each time; the median over the rounds of the tokens per second of
all ranks (by each run's median step) counts. A run that may not take long is made in pieces: ``--rounds 1 --json
one.json``, and at last ``--rounds 0 --add one.json --add two.json``. Let nothing else run meanwhile.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.integration.questions import write_questions

PROGRAM = Path(__file__).parent.parent / "tests" / "integration" / "trainer_programs" / "question_answering.py"
STEERING = ("CCL_", "FI_", "I_MPI_", "PMI_", "MASTER_", "GLOO_", "OMP_", "KMP_", "IPEXENV_", "LD_PRELOAD", "MALLOC_")
SIDES = ("ipexenv", "mpirun", "torchrun", "ipexrun")
LIMIT_S = 300

MODEL = ("--hidden_size", "256", "--layers", "4", "--heads", "4", "--sequence_length", "128")
TRAINING = (
    *("--per_device_train_batch_size", "8", "--logging_steps", "100", "--save_strategy", "no", "--report_to", "none"),
    *("--disable_tqdm", "True", "--num_train_epochs", "100"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """One run of one side; None where the side could not do it."""

    side: str
    ranks: int
    tokens_per_second: float | None
    said: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Bench:
    """What is the same for all sides."""

    python: Path
    steps: int
    asking: tuple[str, ...]
    data: tuple[str, ...]

    def measure(self, side: str, ranks: int) -> Sample:
        """Run one side once."""
        with tempfile.TemporaryDirectory() as folder:
            words = (
                str(PROGRAM),
                *self.data,
                *MODEL,
                *TRAINING,
                "--max_steps",
                str(self.steps),
                "--output_dir",
                folder,
            )
            command, more = self._start(side, ranks, (*words, *self._flags(ranks, backend=side != "torchrun")))
            ended = subprocess.run(
                command, env=self._environment(more), capture_output=True, text=True, check=False, timeout=LIMIT_S
            )
            answer = Path(folder) / "0.json"
            if ended.returncode != 0 or not answer.is_file():
                last = (ended.stderr or ended.stdout).strip().splitlines()
                return Sample(side=side, ranks=ranks, tokens_per_second=None, said=last[-1] if last else "no output")
            found = json.loads(answer.read_text("utf-8"))
            said = f"{found['backend'] or 'no group'}, {found['threads']} threads, {','.join(found['precisions'])}"
            assert found["ranks"][1] == ranks, f"{side} started {found['ranks'][1]} ranks instead of {ranks}"
            return Sample(side=side, ranks=ranks, tokens_per_second=found["tokens per second"], said=said)

    def _flags(self, ranks: int, *, backend: bool) -> list[str]:
        asking = [sys.executable, "-m", "ipexenv", "trainer-args", "--python", str(self.python), "-n", str(ranks)]
        ended = subprocess.run([*asking, *self.asking], capture_output=True, text=True, check=True, timeout=LIMIT_S)
        flags = ended.stdout.split()
        return flags if backend or "--ddp_backend" not in flags else flags[: flags.index("--ddp_backend")]

    def _start(self, side: str, ranks: int, words: tuple[str, ...]) -> tuple[list[str], dict[str, str]]:
        python, programs = str(self.python), self.python.parent
        cores = len(os.sched_getaffinity(0)) // ranks
        if side == "ipexenv":
            return [sys.executable, "-m", "ipexenv", "run", "--python", python, "-n", str(ranks), *words], {}
        if side == "torchrun":
            return [python, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={ranks}", *words], {}
        if side == "mpirun":
            recipe = ["-n", str(ranks), "-genv", f"OMP_NUM_THREADS={max(1, cores - 1)}"]
            return [str(programs / "mpirun"), *recipe, python, *words], {"CCL_WORKER_COUNT": "1", **_MEETING}
        launch = [python, "-m", "intel_extension_for_pytorch.cpu.launch"]
        together = ["--nnodes", "1", "--nprocs-per-node", str(ranks), "--ccl-worker-count", "1"] if ranks > 1 else []
        return [*launch, *together, *words], _MEETING if ranks > 1 else {}

    def _environment(self, more: dict[str, str]) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(STEERING)}
        kept["PATH"] = f"{self.python.parent}{os.pathsep}{kept['PATH']}"
        return {**kept, "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", **more}


_MEETING = {"MASTER_ADDR": "127.0.0.1"}


def table(samples: list[Sample]) -> str:
    """Return the Markdown table: medians, and each rival's as a part of ours."""
    lines = [
        "| ranks | started by | tokens per second | `ipexenv run` / it | what ran |",
        "| --- | --- | --- | --- | --- |",
    ]
    for ranks in sorted({sample.ranks for sample in samples}):
        ours = _median(samples, "ipexenv", ranks)
        for side in SIDES:
            of_side = [sample for sample in samples if (sample.side, sample.ranks) == (side, ranks)]
            if not of_side:
                continue
            its, said = _median(samples, side, ranks), of_side[-1].said.replace("|", "/")
            figures = "- | -" if its is None else f"{its:.0f} | {'-' if ours is None else f'{ours / its:.2f}'}"
            lines.append(f"| {ranks} | {side} | {figures} | {said} |")
    return "\n".join(lines) + "\n"


def _median(samples: list[Sample], side: str, ranks: int) -> float | None:
    found = [
        sample.tokens_per_second
        for sample in samples
        if (sample.side, sample.ranks) == (side, ranks) and sample.tokens_per_second is not None
    ]
    return statistics.median(found) if found else None


def read(file: Path) -> list[Sample]:
    """Return the samples that an earlier call has written."""
    return [Sample(**row) for row in json.loads(file.read_text("utf-8"))]


def main() -> int:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", type=Path, required=True, help="a Python with all that the sides need")
    parser.add_argument("-n", default="1,2", help="numbers of ranks (1,2)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=24)
    parser.add_argument("--only", default=",".join(SIDES), help="these sides alone")
    parser.add_argument("--asking", default="", help="options of `ipexenv trainer-args`")
    parser.add_argument("--add", type=Path, action="append", default=[], help="samples of an earlier call")
    parser.add_argument("--json", type=Path, help="write the samples to this file")
    parser.add_argument("--markdown", type=Path, help="write the table to this file")
    options = parser.parse_args()
    samples = [sample for file in options.add for sample in read(file)]
    with tempfile.TemporaryDirectory() as folder:
        data = write_questions(Path(folder))
        asking = tuple(shlex.split(options.asking))
        bench = Bench(python=options.python.absolute(), steps=options.steps, asking=asking, data=data)
        sides = options.only.split(",")
        for turn in range(options.rounds):
            for ranks in map(int, options.n.split(",")):
                for side in sides[turn % len(sides) :] + sides[: turn % len(sides)]:
                    samples.append(bench.measure(side, ranks))
                    print(f"round {turn + 1} of {options.rounds}: {samples[-1]}", file=sys.stderr)
    if options.json is not None:
        rows = [{name: getattr(sample, name) for name in Sample.__slots__} for sample in samples]
        options.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    text = table(samples)
    print(text)
    if options.markdown is not None:
        options.markdown.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
