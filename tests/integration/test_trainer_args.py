"""The arguments that `trainer-args` prints, given to real Trainers: all are taken and have an effect, losses fall."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.bridge_environment import bridge_environment
from tests.integration.launching import answers, run, without_ranks
from tests.integration.published_arguments import published_arguments
from tests.integration.questions import write_questions

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.conftest import EnvironmentFactory

pytestmark = pytest.mark.slow

PROGRAM = Path(__file__).parent / "trainer_programs" / "question_answering.py"
LIMIT_S = 400
STEPS = 10
SAMPLES = 16
"""In each step, all ranks together."""

OLD, MIDDLE, NEWEST = "trainer28", "trainer213", "trainer-newest"
"""The last transformers that obeys --use_ipex, with IPEX; the last that knows ccl; one of these days, without ccl."""

ALL_OF_IT = (
    *("--max_steps", str(STEPS), "--logging_steps", "1", "--learning_rate", "0.003"),
    *("--lr_scheduler_type", "constant", "--save_strategy", "no", "--report_to", "none", "--disable_tqdm", "True"),
)
FP32 = ("--dtype", "fp32")
NATIVE = ("--ipex", "none", "--dtype", "bf16")
"""Stock PyTorch alone, in bf16 whatever the processor."""


@pytest.fixture(scope="module")
def python_of(
    environment: EnvironmentFactory, interpreter: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Path]:
    """Return the function that gives the Python of a recipe, with the bridge and Intel MPI where it can use them."""
    made: dict[str, Path] = {}

    def python(recipe: str) -> Path:
        if recipe == NEWEST:
            return environment(recipe).python
        if recipe not in made:
            folder = tmp_path_factory.mktemp(recipe) / "venv"
            made[recipe] = bridge_environment(environment(recipe), interpreter("3.11"), folder)
        return made[recipe]

    return python


@pytest.fixture(scope="module")
def squad(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    """Return the options that name questions and vocabulary."""
    return write_questions(tmp_path_factory.mktemp("squad"))


def ipexenv(*words: str) -> str:
    """Run ipexenv in a world that knows of no ranks, and return its stdout."""
    env = without_ranks({"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"})
    for name in ("PYTHONPATH", "IPEXENV_BRIDGE_LIB", "OMP_NUM_THREADS"):
        env.pop(name, None)
    ended = run([sys.executable, "-m", "ipexenv", *words], env, limit_s=LIMIT_S)
    assert ended.returncode == 0, f"ipexenv {' '.join(words)}\n{ended.stdout}\n{ended.stderr}"
    return ended.stdout


def advised(python: Path, ranks: int, *words: str) -> tuple[tuple[str, ...], dict[str, Any]]:
    """Return the flags as they are printed, and the answer for machines."""
    asking = ("trainer-args", "--python", str(python), "-n", str(ranks), *words)
    flags, data = tuple(ipexenv(*asking).split()), json.loads(ipexenv(*asking, "--json"))["data"]
    assert list(flags) == data["flags"]
    return flags, data


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """One training, and which flags it is to be given; with IPEX, bf16 is for processors with AVX-512 alone."""

    recipe: str
    ranks: int
    asking: tuple[str, ...]
    besides_bf16: str


CASES = {
    "IPEX": Case(recipe=OLD, ranks=1, asking=(), besides_bf16="--use_cpu --use_ipex"),
    "torch 2.8": Case(recipe=OLD, ranks=1, asking=NATIVE, besides_bf16="--use_cpu"),
    "torch 2.8, ccl": Case(recipe=OLD, ranks=2, asking=NATIVE, besides_bf16="--use_cpu --ddp_backend ccl"),
    "IPEX, ccl": Case(recipe=OLD, ranks=2, asking=FP32, besides_bf16="--use_cpu --use_ipex --ddp_backend ccl"),
    "5.0, ccl": Case(recipe=MIDDLE, ranks=2, asking=NATIVE, besides_bf16="--use_cpu --ddp_backend ccl"),
    "newest": Case(recipe=NEWEST, ranks=1, asking=NATIVE, besides_bf16="--use_cpu"),
    "newest, gloo": Case(recipe=NEWEST, ranks=2, asking=NATIVE, besides_bf16="--use_cpu --ddp_backend gloo"),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_question_answering_is_learnt_with_the_flags_that_are_printed(
    case: Case, python_of: Callable[[str], Path], squad: tuple[str, ...], tmp_path: Path
) -> None:
    python, ranks = python_of(case.recipe), case.ranks
    flags, data = advised(python, ranks, *case.asking)
    assert " ".join(flag for flag in flags if flag != "--bf16") == case.besides_bf16
    assert ("--bf16" in flags) == (data["dtype"] == "bf16")
    assert "--bf16" in flags or case.asking != NATIVE
    batch = ("--per_device_train_batch_size", str(SAMPLES // ranks))
    needed = [f"--env={name}={value}" for name, value in data["environment"].items()]
    start = ("run", "--python", str(python), "-n", str(ranks), *needed, str(PROGRAM))
    ipexenv(*start, *squad, "--output_dir", str(tmp_path), *ALL_OF_IT, *batch, *flags)
    found = answers(tmp_path)
    assert [answer["ranks"] for answer in found] == [[rank, ranks, rank] for rank in range(ranks)]
    for answer in found:
        check_effects(answer, flags, data)
        assert answer["losses"] == found[0]["losses"]
        assert answer["parameters"] == found[0]["parameters"]
    losses = found[0]["losses"]
    assert len(losses) == STEPS
    assert losses[-1] < 0.6 * losses[0]


def check_effects(answer: dict[str, Any], flags: tuple[str, ...], data: dict[str, Any]) -> None:
    """Check that everything that was asked for is what happened, and nothing else."""
    assert answer["device"].startswith("cpu")
    assert answer["precisions"] == [{"bf16": "bfloat16", "fp32": "float32"}[data["dtype"]]]
    assert ("transformers.trainer" in answer["optimized by"]) == ("--use_ipex" in flags)
    if data["ranks"] > 1:
        assert answer["backend"] == data["backend"]
        assert ("oneCCL 2022" in answer["in use"]) == (data["backend"] == "ccl")


@pytest.mark.parametrize(
    ("transformers", "accelerate", "gone"),
    [
        ("4.31.0", "0.21.0", {"--use_cpu": None}),
        ("5.1.0", "1.12.0", {"--no_cuda": None, "--use_ipex": None, "--ddp_backend": "ccl"}),
    ],
)
def test_a_published_transformers_has_the_arguments_and_not_those_that_are_left_out(
    transformers: str, accelerate: str, gone: dict[str, str | None], tmp_path: Path
) -> None:
    """Versions with torch, IPEX and accelerate of their own: their arguments are read out of the wheel instead."""
    parser = published_arguments(transformers, tmp_path)
    there = ("--transformers", transformers, "--accelerate", accelerate, "--torch", "2.6.0", "--ipex", "2.6.0")
    for more in ((), ("--ccl", "none"), ("--ccl", "bridge"), ("--isa", "avx2"), ("--isa", "amx")):
        if transformers != "5.1.0" or more != ("--ccl", "bridge"):
            flags, data = advised(Path(sys.executable), 2, *there, *more)
            assert vars(parser.parse_args(flags)) == data["arguments"]
    for option, value in gone.items():
        with pytest.raises((argparse.ArgumentError, SystemExit)):
            parser.parse_args([option] if value is None else [option, value])
