"""transformers' Trainer and accelerate train over the bridge's real wheel as they did over Intel's bindings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.integration import bridge_ranks as ranks
from tests.integration.bridge_environment import bridge_environment
from tests.integration.launching import answers, run, without_ranks

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.integration.conftest import EnvironmentFactory

pytestmark = pytest.mark.slow

SIZE = 2
LIMIT_S = 240
STEPS = 8

OLD, NEW = "trainer28", "trainer213"
"""transformers 4.52 (the last that calls IPEX itself) with torch 2.8, and 5.0 (the last that knows ccl) with 2.13."""

ALL_OF_IT = (
    *("--use_cpu", "--max_steps", str(STEPS), "--per_device_train_batch_size", "8", "--logging_steps", "1"),
    *("--learning_rate", "0.01", "--lr_scheduler_type", "constant", "--save_strategy", "no", "--report_to", "none"),
    *("--disable_tqdm", "True", "--dataloader_pin_memory", "False"),
)
CCL, GLOO = ("--ddp_backend", "ccl"), ("--ddp_backend", "gloo")

Answers = list[dict[str, Any]]


@pytest.fixture(scope="module")
def python_with_bridge(
    environment: EnvironmentFactory, interpreter: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Path]:
    """Return the function that gives the Python of a recipe's environment with the bridge and Intel MPI beside it."""
    made: dict[str, Path] = {}

    def python(recipe: str) -> Path:
        if recipe not in made:
            folder = tmp_path_factory.mktemp(recipe) / "venv"
            made[recipe] = bridge_environment(environment(recipe), interpreter("3.11"), folder)
        return made[recipe]

    return python


def launch(python: Path, launcher: str, *words: str) -> None:
    """Run words under a launcher of that environment; nothing but what is installed there helps."""
    ours = ("PYTHONPATH", "IPEXENV_BRIDGE_LIB")
    env = without_ranks({"CCL_WORKER_COUNT": "1", "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"})
    env = {name: value for name, value in env.items() if name not in ours}
    env["PATH"] = f"{python.parent}:{env['PATH']}"
    starts = {
        "torchrun": [str(python), "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(SIZE)],
        "mpirun": [str(python.parent / "mpirun"), "-n", str(SIZE), str(python)],
        "accelerate": [str(python), "-m", "accelerate.commands.launch"],
    }
    ended = run([*starts[launcher], *words], env, limit_s=LIMIT_S)
    assert ended.returncode == 0, f"{ended.stdout}\n{ended.stderr}"


def train(python: Path, launcher: str, folder: Path, *options: str) -> Answers:
    folder.mkdir()
    launch(python, launcher, str(ranks.PROGRAMS / "trainer_job.py"), "--output_dir", str(folder), *ALL_OF_IT, *options)
    return answers(folder)


def check(found: Answers, backend: str) -> list[float]:
    """Check that the ranks trained together, and return their losses."""
    assert [answer["ranks"] for answer in found] == [[rank, SIZE, rank] for rank in range(SIZE)]
    assert [(answer["backend"], answer["size"]) for answer in found] == [(backend, SIZE)] * SIZE
    assert all(("oneCCL 2022" in answer["in use"]) == (backend == "ccl") for answer in found)
    assert found[0]["parameters"] == found[1]["parameters"]
    losses: list[float] = found[0]["losses"]
    assert found[1]["losses"] == losses
    assert len(losses) == STEPS
    assert losses[-1] < 0.8 * losses[0]
    return losses


@pytest.mark.parametrize(("recipe", "more"), [(OLD, ()), (NEW, ("--bf16",))], ids=["4.52", "5.0, bf16"])
def test_trainer_s_losses_over_ccl_are_those_over_gloo(
    recipe: str, more: tuple[str, ...], python_with_bridge: Callable[[str], Path], tmp_path: Path
) -> None:
    python = python_with_bridge(recipe)
    over_ccl = check(train(python, "torchrun", tmp_path / "ccl", *CCL, *more), "ccl")
    over_gloo = check(train(python, "torchrun", tmp_path / "gloo", *GLOO, *more), "gloo")
    assert over_ccl == pytest.approx(over_gloo, rel=1e-3)


@pytest.mark.parametrize(("recipe", "more"), [(OLD, ("--use_ipex",)), (NEW, ("--bf16",))], ids=["4.52, IPEX", "5.0"])
def test_trainer_under_intel_mpirun_as_intel_s_examples_have_it(
    recipe: str, more: tuple[str, ...], python_with_bridge: Callable[[str], Path], tmp_path: Path
) -> None:
    found = train(python_with_bridge(recipe), "mpirun", tmp_path / "out", *CCL, *more)
    check(found, "ccl")
    assert "CCL_ATL_TRANSPORT=ofi" in found[0]["in use"]


@pytest.mark.parametrize("launcher", ["accelerate", "mpirun"])
def test_accelerate_alone_takes_ccl_by_itself(
    launcher: str, python_with_bridge: Callable[[str], Path], tmp_path: Path
) -> None:
    """On CPUs `accelerate launch` starts several processes with mpirun, and only if it is given a hostfile."""
    hostfile = tmp_path / "hostfile"
    hostfile.write_text("localhost\n", encoding="utf-8")
    port = ("--main_process_port", str(ranks.free_port()))
    words = ("--cpu", "--num_processes", str(SIZE), "--mixed_precision", "bf16", "--mpirun_hostfile", str(hostfile))
    recipe, more, mixed = (NEW, (*words, *port), "bf16") if launcher == "accelerate" else (OLD, (), "no")
    launch(python_with_bridge(recipe), launcher, *more, str(ranks.PROGRAMS / "accelerated.py"), str(tmp_path))
    found = answers(tmp_path)
    assert [answer["ranks"] for answer in found] == [[rank, SIZE, rank] for rank in range(SIZE)]
    assert {answer["backend"] for answer in found} == {"ccl"}
    assert {answer["mixed"] for answer in found} == {mixed}
    assert {answer["batches"] for answer in found} == {4}
    assert all("oneCCL 2022" in answer["in use"] for answer in found)
    assert found[0]["losses"] == found[1]["losses"]
    losses = found[0]["losses"]
    assert sum(losses[-4:]) < 0.8 * sum(losses[:4])
