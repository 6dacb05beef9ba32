"""`ipexenv verify` on real torch, real IPEX, real kernels: what passes, what is degraded, what is refused, and why."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from ipexenv.facts import IsaLevel
from tests.integration.bridge_environment import bridge_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

pytestmark = pytest.mark.slow

AVX2 = {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2"}
CAPS = ("ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA")
LIMIT_S = 900

GLOO_AS_CCL = '''
"""A test double, not oneCCL: gloo under the name ccl. WAY makes rank 1 end early."""
import os
import time

import torch.distributed as dist

__version__ = "0.0.0"


def create(store, rank, size, timeout):
    if rank == 1 and os.environ.get("WAY") == "crash":
        os.kill(os.getpid(), 11)
    if rank == 1 and os.environ.get("WAY") == "hang":
        time.sleep(1000)
    return dist.ProcessGroupGloo(store, rank, size, timeout=timeout)


dist.Backend.register_backend("ccl", create, devices=["cpu"])
'''

GLOO_IN_DISGUISE = '''
"""A test double, not oneCCL: a process group of its own class over gloo, with Intel's real libccl loaded, not used."""
import ctypes
import sys

import torch.distributed as dist

__version__ = "0.0.0"
ctypes.CDLL(sys.prefix + "/lib/libccl.so.1")


class ProcessGroupDouble(dist.ProcessGroup):
    def __init__(self, gloo, rank, size):
        super().__init__(rank, size)
        self.gloo = gloo

    def allreduce(self, tensors, options=None):
        return self.gloo.allreduce(tensors, options)

    def broadcast(self, tensors, options=None):
        return self.gloo.broadcast(tensors, options)

    def getBackendName(self):
        return "ccl"


def create(store, rank, size, timeout):
    return ProcessGroupDouble(dist.ProcessGroupGloo(store, rank, size, timeout=timeout), rank, size)


dist.Backend.register_backend("ccl", create, devices=["cpu"])
'''


class Run:
    """One run of the command."""

    def __init__(self, *arguments: str | Path, env: Mapping[str, str] | None = None) -> None:
        outside = {"VIRTUAL_ENV", "CONDA_PREFIX", *CAPS}
        kept = {key: value for key, value in os.environ.items() if key not in outside}
        ended = subprocess.run(
            [sys.executable, "-m", "ipexenv", "verify", *map(str, arguments), "--json", "-q"],
            capture_output=True,
            text=True,
            check=False,
            timeout=LIMIT_S,
            env={**kept, **(env or {})},
        )
        assert ended.stdout, ended.stderr
        self.code = ended.returncode
        self.data: dict[str, Any] = json.loads(ended.stdout)["data"]
        self.checks: dict[str, dict[str, Any]] = {check["id"]: check for check in self.data["checks"]}

    def status(self, check: str) -> str:
        return str(self.checks[check]["status"])

    def detail(self, check: str) -> str:
        return str(self.checks[check]["detail"])

    def measured(self, check: str) -> dict[str, Any]:
        return dict(self.checks[check]["measurements"])


def expected_path(run: Run) -> tuple[str, str]:
    """Return path and status that this machine has to show, by what the probe saw of its CPU."""
    level = IsaLevel.from_label(run.measured("isa")["probe"])
    if level >= IsaLevel.AMX:
        return "amx", "pass"
    if level >= IsaLevel.AVX512_BF16:
        return "avx512_bf16", "pass"
    if level < IsaLevel.AVX512 and run.data["stack"] == "ipex":
        return "weights_prepack=False", "degraded"
    return "emulated", "degraded"


@pytest.fixture
def beside(tmp_path: Path, interpreter: Callable[[str], Path]) -> Callable[..., Path]:
    """Make an environment that borrows another's packages and has its own of some; return its Python."""

    def make(lender: Any, *requirements: str, files: Mapping[str, str] | None = None) -> Path:
        minor = lender.site_packages.parent.name.removeprefix("python")
        folder = tmp_path / "beside"
        make: list[str | Path] = [interpreter(minor), "-m", "venv", "--without-pip", folder]
        subprocess.run(make, check=True, timeout=LIMIT_S, capture_output=True)
        python = folder / "bin" / "python"
        if requirements:
            pip: list[str | Path] = [
                sys.executable,
                "-m",
                "pip",
                "--python",
                python,
                "install",
                "--quiet",
                "--no-input",
                "--no-deps",
            ]
            subprocess.run([*pip, *requirements], check=True, timeout=LIMIT_S, capture_output=True)
        site_packages = next((folder / "lib").glob("python*/site-packages"))
        (site_packages / "zz-lender.pth").write_text(f"{lender.site_packages}\n", encoding="utf-8")
        for name, text in (files or {}).items():
            (site_packages / name).write_text(text, encoding="utf-8")
        return python

    return make


@pytest.mark.parametrize("name", ["torch28", "torch27", "torch1121", "native213"])
def test_a_good_environment_is_proven(environment: Callable[[str], Any], name: str, tmp_path: Path) -> None:
    junit = tmp_path / "report.xml"
    run = Run("--python", environment(name).python, "--junit", junit)
    path, status = expected_path(run)
    assert run.code == 0, run.data
    assert run.data["stack"] == ("native" if name.startswith("native") else "ipex")
    assert (run.status("import"), run.status("isa")) == ("pass", "pass")
    assert (run.measured("bf16-path")["path"], run.status("bf16-path")) == (path, status)
    assert run.status("train") == ("degraded" if path == "weights_prepack=False" else "pass")
    train = run.measured("train")
    assert train["last_loss"] < 0.9 * train["first_loss"]
    assert train["largest_relative_difference"] <= train["tolerance"]
    assert (run.status("allreduce"), run.status("ddp"), run.status("ddp-gloo")) == ("skip", "skip", "pass")
    assert run.measured("ddp-gloo")["implementation"] == "ProcessGroupGloo"
    assert 'tests="7"' in junit.read_text("utf-8")


@pytest.mark.parametrize(("name", "path"), [("torch28", "weights_prepack=False"), ("native213", "emulated")])
def test_avx2_is_degraded_and_never_a_bare_failure(environment: Callable[[str], Any], name: str, path: str) -> None:
    run = Run("--python", environment(name).python, env=AVX2)
    assert run.code == 0, run.data
    assert (run.measured("bf16-path")["path"], run.status("bf16-path")) == (path, "degraded")
    assert run.measured("bf16-path")["kernels"] == {}
    assert run.status("train") == ("degraded" if name == "torch28" else "pass")
    assert run.measured("isa")["caps"] == AVX2
    if IsaLevel.from_label(run.measured("isa")["probe"]) > IsaLevel.AVX2:
        assert run.status("isa") == "degraded"
        assert "ATEN_CPU_CAPABILITY=avx2" in run.detail("isa")


@pytest.mark.parametrize(
    ("name", "dtype", "status"),
    [
        ("torch28", "fp32", "pass"),
        ("torch28", "fp16", None),
        ("torch1121", "fp16", "skip"),
        ("native213", "fp16", "pass"),
    ],
)
def test_other_dtypes(environment: Callable[[str], Any], name: str, dtype: str, status: str | None) -> None:
    run = Run("--python", environment(name).python, "--dtype", dtype)
    assert run.code == 0, run.data
    assert (run.status("bf16-path"), run.detail("bf16-path")) == ("skip", f"{dtype} was asked for")
    assert run.status("train") in ({"pass", "degraded"} if status is None else {status})


def test_more_ranks(environment: Callable[[str], Any]) -> None:
    run = Run("--python", environment("native213").python, "--nproc", "3")
    assert run.code == 0, run.data
    assert run.measured("ddp-gloo")["ranks"] == 3


WRONG_PAIRS = (
    ("torch28", "2.5.0", "version-pair", "this IPEX is built for torch 2.5, and torch 2.8.0"),
    ("torch28", "2.6.0", "version-pair", "this IPEX is built for torch 2.6, and torch 2.8.0"),
    ("torch1121", "1.11.200", "abi", "libintel-ext-pt-cpu.so is built for another torch"),
    ("torch1121", "1.11.100", "segmentation-fault", "it died of SIGSEGV"),
)


@pytest.mark.parametrize("case", WRONG_PAIRS, ids=lambda case: f"{case[0]}-{case[1]}")
def test_a_wrong_pair_is_named(
    environment: Callable[[str], Any], beside: Callable[..., Path], case: tuple[str, str, str, str]
) -> None:
    lender, ipex, code, words = case
    run = Run("--python", beside(environment(lender), f"intel_extension_for_pytorch=={ipex}"))
    assert run.code == 1
    assert words in run.detail("import")
    assert run.measured("import")["code"] == code
    assert {check["status"] for name, check in run.checks.items() if name != "import"} == {"skip"}


def test_gloo_under_the_name_of_ccl_is_refused(environment: Callable[[str], Any], beside: Callable[..., Path]) -> None:
    python = beside(environment("native213"), files={"oneccl_bindings_for_pytorch.py": GLOO_AS_CCL})
    run = Run("--python", python, "--ccl", "bindings")
    assert run.code == 1
    assert run.status("allreduce") == "fail"
    assert "is gloo (ProcessGroupGloo), not oneCCL" in run.detail("allreduce")
    assert run.status("train") in {"pass", "degraded"}


def test_a_libccl_that_is_loaded_and_not_used_is_refused(
    environment: Callable[[str], Any], beside: Callable[..., Path]
) -> None:
    double = {"oneccl_bindings_for_pytorch.py": GLOO_IN_DISGUISE}
    python = beside(environment("native213"), "oneccl-cpu==2021.14.0", files=double)
    run = Run("--python", python, "--ccl", "bindings")
    assert run.code == 1
    assert run.status("allreduce") == "fail"
    assert "never started the libccl that is loaded" in run.detail("allreduce")
    assert any(path.endswith("libccl.so.1") for path in run.measured("allreduce")["libraries"])


@pytest.mark.parametrize(("way", "words"), [("crash", "it died of SIGSEGV"), ("hang", "it did not end within")])
def test_a_rank_that_ends_early_ends_the_others(
    environment: Callable[[str], Any], beside: Callable[..., Path], way: str, words: str
) -> None:
    python = beside(environment("native213"), files={"oneccl_bindings_for_pytorch.py": GLOO_AS_CCL})
    run = Run("--python", python, "--ccl", "bindings", "--timeout", "30", env={"WAY": way})
    assert run.code == 1
    assert "init_process_group ccl" in run.detail("allreduce")
    assert words in run.detail("allreduce")
    assert run.status("ddp") == "skip"


@pytest.fixture(scope="module")
def bridged(
    environment: Callable[[str], Any], interpreter: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Return the Python of an environment with the bridge."""
    folder = tmp_path_factory.mktemp("bridged") / "env"
    return bridge_environment(environment("native213"), interpreter("3.11"), folder, mpi=False)


@pytest.mark.parametrize(("words", "ranks"), [((), 2), (("--ccl", "bridge", "--nproc", "8"), 8)])
def test_the_bridge_is_proven_with_its_figures(bridged: Path, words: tuple[str, ...], ranks: int) -> None:
    run = Run("--python", bridged, *words)
    assert run.code == 0, run.data
    assert run.data["ccl"]["provider"] == "bridge"
    allreduce = run.measured("allreduce")
    assert (run.status("allreduce"), run.status("ddp")) == ("pass", "pass")
    assert (allreduce["provider"], allreduce["oneccl_version"], allreduce["ranks"]) == ("bridge", "2022.2.0", ranks)
    assert (allreduce["transport"], allreduce["interface"], allreduce["hosts"]) == ("ofi", "lo", 1)
    assert allreduce["fabric"] in {"shm", "tcp"}
    assert "/ipexenv_oneccl_bridge/lib/libccl.so." in allreduce["oneccl_file"]
    assert {"fp32 sum", "bf16 sum", "int64 sum", "fp32 max", "fp32 avg", "bf16 avg"} <= set(allreduce["proven"])
    assert min(allreduce["latency_microseconds"], allreduce["bandwidth_16_mib_gigabytes_per_second"]) > 0
    assert run.measured("ddp")["dtype"] == "bf16"
    crowded = ranks > len(os.sched_getaffinity(0))
    assert ("ranks share" in run.detail("allreduce")) is crowded


def test_settings_of_the_user_are_left_to_the_bridge(bridged: Path) -> None:
    run = Run("--python", bridged, env={"CCL_ATL_SHM": "0", "OMP_NUM_THREADS": "1"})
    assert run.code == 0, run.data
    assert run.measured("allreduce")["fabric"] == "tcp"


def test_gloo_under_the_name_of_the_bridge_is_refused(
    environment: Callable[[str], Any], beside: Callable[..., Path]
) -> None:
    python = beside(environment("native213"), files={"oneccl_bindings_for_pytorch.py": GLOO_AS_CCL})
    run = Run("--python", python, "--ccl", "bridge")
    assert run.code == 1
    assert "is gloo (ProcessGroupGloo), not oneCCL" in run.detail("allreduce")


def test_the_bridge_is_not_taken_for_the_bindings(bridged: Path) -> None:
    run = Run("--python", bridged, "--ccl", "bindings")
    assert run.code == 1
    assert "is ipexenv's bridge, not Intel's bindings" in run.detail("allreduce")


def test_bindings_that_are_not_there(environment: Callable[[str], Any]) -> None:
    run = Run("--python", environment("native213").python, "--ccl", "bindings")
    assert run.code == 1
    assert "no module oneccl_bindings_for_pytorch" in run.detail("import")
    assert (run.status("train") in {"pass", "degraded"}, run.status("allreduce")) == (True, "fail")


def test_a_limit_that_is_too_short_shows_where_time_went(environment: Callable[[str], Any]) -> None:
    run = Run("--python", environment("torch28").python, "--timeout", "0.2")
    assert run.code == 1
    assert run.detail("import") == "import torch: it did not end within 0.2 s"
    assert "most recent call first" in run.checks["import"]["output"]
