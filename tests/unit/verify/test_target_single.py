"""The real child of verify, with modules that only pretend to be torch and IPEX and end in every way they know."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from ipexenv.system.world import World
from ipexenv.verify.options import VerifyOptions
from ipexenv.verify.run import verify
from tests.fakes import facts
from tests.unit.verify.stories import gloo_ranks

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ipexenv.verify.checks import VerifyReport

    Prove = Callable[..., VerifyReport]

OPTIONS = VerifyOptions(stack="ipex", import_names=("torch", "intel_extension_for_pytorch"), timeout_s=60)
GUARD = 'print("ERROR! IPEX needs to work with PyTorch 2.5.*, but PyTorch 2.8.0 is found.")\n'
CRASH = "import resource, os; resource.setrlimit(resource.RLIMIT_CORE, (0, 0)); os.kill(os.getpid(), {})\n"


@pytest.fixture
def prove(tmp_path: Path) -> Prove:
    """Write the IPEX to import, run verify for real, return its report."""

    def run(ipex: str, options: VerifyOptions = OPTIONS) -> VerifyReport:
        (tmp_path / "torch.py").write_text('__version__ = "2.8.0+cpu"\n', encoding="utf-8")
        (tmp_path / "intel_extension_for_pytorch.py").write_text(ipex, encoding="utf-8")
        plain = facts(torch="2.8.0", ipex="2.8.0")
        target = replace(plain.target, executable=sys.executable, site_packages=str(tmp_path))
        world = World(group=gloo_ranks(), env={"PATH": "/bin"})
        return verify(world, replace(plain, target=target), options, lambda _event: None)

    return run


@pytest.mark.parametrize(
    ("ipex", "code", "cause"),
    [
        (GUARD + "exit(127)\n", "version-pair", "this IPEX is built for torch 2.5, and torch 2.8.0 is installed"),
        (GUARD + "import os; os.exit(127)\n", "version-pair", "this IPEX is built for torch 2.5"),
        ("import os; os._exit(127)\n", "version-pair", "exit code 127"),
        ("import os; os._exit(1)\n", "ended-early", "exit code 1"),
        ("raise ImportError('/x/lib.so: undefined symbol: _ZN3c10E')", "abi", "lib.so is built for another torch"),
        ("import missing_module", "not-installed", "no module missing_module"),
        (CRASH.format(4), "illegal-instruction", "SIGILL"),
        (CRASH.format(6), "aborted", "SIGABRT"),
        (CRASH.format(7), "out-of-shared-memory", "SIGBUS"),
        (CRASH.format(11), "segmentation-fault", "SIGSEGV"),
        ("raise KeyboardInterrupt", "exception", "KeyboardInterrupt"),
    ],
)
def test_an_import_that_ends_badly_is_explained(prove: Prove, ipex: str, code: str, cause: str) -> None:
    report = prove(ipex)
    check = report.checks[0]
    assert (check.id, check.status, check.measurements["code"]) == ("import", "fail", code)
    assert check.detail.startswith("import intel_extension_for_pytorch: ")
    assert cause in check.detail
    assert {each.status for each in report.checks[1:]} == {"skip"}


@pytest.mark.parametrize("how", ["time.sleep(1000)", "signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(1000)"])
def test_an_import_that_hangs_is_ended_and_shows_where(prove: Prove, how: str) -> None:
    ipex = f"import signal, time\ndef wait_for_ever():\n    {how}\nwait_for_ever()\n"
    for limit_s in (0.5, 2, 10, 60):  # a busy machine may not come so far in the first of them
        check = prove(ipex, replace(OPTIONS, timeout_s=limit_s)).checks[0]
        assert check.detail == f"import intel_extension_for_pytorch: it did not end within {limit_s} s"
        if "in wait_for_ever" in check.output:
            return
    raise AssertionError(check.output)


def test_noise_harms_nobody(prove: Prove) -> None:
    noise = "import os\nprint('{\"check\": \"import\"}')\nos.write(1, b'\\xff\\x00noise')\n__version__ = '2.8.0+cpu'\n"
    report = prove(noise)
    check = report.checks[0]
    assert (check.status, check.detail) == ("pass", "torch 2.8.0+cpu, intel_extension_for_pytorch 2.8.0+cpu")
    # What only pretends to be torch cannot do anything, and that is told check by check.
    assert {each.id: each.status for each in report.checks[1:4]} == {
        "isa": "fail",
        "bf16-path": "fail",
        "train": "fail",
    }
    assert "AttributeError: module 'torch' has no attribute" in report.checks[1].detail
