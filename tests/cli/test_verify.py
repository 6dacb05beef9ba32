"""`ipexenv verify`: whole output, for people and machines, over children that never run."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from ipexenv import cli
from ipexenv.facts import Facts, IsaLevel
from ipexenv.system.world import World
from tests.fakes import FakeHttp, FakeKernel, facts
from tests.unit.verify.stories import (
    FakeChildren,
    FakeRanks,
    all_well,
    ccl_ranks,
    finished,
    gloo_ranks,
    printed,
    raised,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ipexenv.system.runner import Finished

    Said = tuple[int, str, str]
    Say = Callable[..., Said]

PAIR = facts(torch="2.8.0", ipex="2.8.0", isa=IsaLevel.AVX512_FP16)
GUARD = "ERROR! Intel® Extension for PyTorch* needs to work with PyTorch 2.6.*, but PyTorch 2.8.0+cu128 is found."


def mismatch() -> Finished:
    rows = raised(
        "import", "AttributeError", "module 'os' has no attribute 'exit'", at="import intel_extension_for_pytorch"
    )
    return finished(rows, stdout=printed("import", GUARD))


@pytest.fixture
def say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Say:
    """Run `ipexenv verify` with words over children; return exit code, stdout and stderr."""

    def run(*words: str, children: Finished | None = None, ranks: FakeRanks | None = None, where: Facts = PAIR) -> Said:
        monkeypatch.setattr("ipexenv.commands.verify.probe", lambda _world, _choice: where)
        world = World(
            runner=FakeChildren([children or all_well()]),
            group=ranks or gloo_ranks(),
            http=FakeHttp(),
            kernel=FakeKernel(),
            env={"COLUMNS": "120"},
            root=tmp_path,
            directory=tmp_path,
        )
        code = cli.main(["verify", *words], world=world)
        return code, *capsys.readouterr()

    return run


def test_all_is_well(say: Say) -> None:
    assert say() == (
        0,
        """\
check      status    seconds  detail
import     pass          1.0  torch 2.8.0+cu128, intel_extension_for_pytorch 2.8.0+cpu
isa        pass          1.0  IPEX uses avx512_fp16, the CPU can do avx512_fp16
bf16-path  pass          1.0  amx, as brgemm:avx10_1_512_amx
train      pass          1.0  12 bf16 steps, loss 2.777 to 2.126, 0.00% from fp32 (limit 2.0%)
allreduce  skip               no ccl backend: none is installed, and ipexenv's bridge to oneCCL \
2022.2.0+ipexenv.bridge.1 would fit: `ipexenv install` adds it
ddp        skip               no ccl backend, as above
ddp-gloo   pass          1.0  fp32 gradients equal on 2 ranks over gloo, not ccl, loss 1.400 to 1.200

5 passed, 2 skipped
""",
        """\
verifying the ipex stack, because intel_extension_for_pytorch 2.8.0 is installed
checking bf16-path
checking train
checking ddp over gloo with 2 ranks
""",
    )


def test_a_failure_says_what_it_means_and_what_to_do(say: Say) -> None:
    code, out, err = say("-q", children=mismatch())
    assert code == 1
    assert (
        out
        == f"""\
check      status    seconds  detail
import     fail          0.5  import intel_extension_for_pytorch: this IPEX is built for torch 2.6, and torch \
2.8.0+cu128 is installed
isa        skip               not tried, because `import` failed
bf16-path  skip               not tried, because `import` failed
train      skip               not tried, because `import` failed
allreduce  skip               not tried, because `import` failed
ddp        skip               not tried, because `import` failed

import:
  | {GUARD}
  |   File "x.py", line 1
  | AttributeError: module 'os' has no attribute 'exit'
  hint: `ipexenv resolve` names the release that matches this torch, `ipexenv install` puts it in

1 failed, 5 skipped
"""
    )
    assert (
        err
        == """\
error: 1 of 6 checks failed: import [check-failed]
  because import: import intel_extension_for_pytorch: this IPEX is built for torch 2.6, and torch 2.8.0+cu128 is \
installed

hint: `ipexenv resolve` names the release that matches this torch, `ipexenv install` puts it in

known: IPEX wants torch 2.6, and torch 2.8.0+cu128 is installed. IPEX then ends the whole process. [ipex-wrong-torch]
cure: `ipexenv install` puts in the IPEX of the installed torch, or says that there is none; `--torch 2.6 \
--allow-torch-change` goes the other way.
"""
    )


def test_the_json_document(say: Say) -> None:
    code, out, _ = say("--json", "--ccl", "none")
    document = json.loads(out)
    assert code == 0
    assert (document["command"], document["status"], document["exit_code"], document["problems"]) == (
        "verify",
        "ok",
        0,
        [],
    )
    data = document["data"]
    assert (data["stack"], data["ccl"]) == ("ipex", {"provider": "none", "reason": "not wanted (--ccl none)"})
    assert [(check["id"], check["status"]) for check in data["checks"]] == [
        ("import", "pass"),
        ("isa", "pass"),
        ("bf16-path", "pass"),
        ("train", "pass"),
        ("allreduce", "skip"),
        ("ddp", "skip"),
        ("ddp-gloo", "pass"),
    ]
    assert set(data["checks"][0]) == {"id", "status", "detail", "seconds", "measurements"}


def test_the_json_document_of_a_failure(say: Say) -> None:
    code, out, _ = say("--json", children=mismatch())
    document = json.loads(out)
    assert (code, document["status"], document["problems"][0]["code"]) == (1, "no", "check-failed")


def test_degraded_is_a_yes(say: Say) -> None:
    where = facts(torch="2.8.0", ipex="2.8.0", isa=IsaLevel.AVX512)
    code, out, _ = say(children=finished_without_kernels(), where=where)
    assert code == 0
    assert "bf16-path  degraded" in out


def finished_without_kernels() -> Finished:
    well = all_well()
    return finished([json.loads(line) for line in well.answer.splitlines()])


def test_junit_is_written_beside_the_answer(say: Say, tmp_path: Path) -> None:
    assert say("--junit", "report.xml")[0] == 0
    suite = ET.parse(tmp_path / "report.xml").getroot()[0]  # noqa: S314 (our own file)
    assert suite.attrib["tests"] == "7"


def test_junit_that_cannot_be_written_is_an_error_from_outside(say: Say) -> None:
    code, _, err = say("--junit", "nowhere/report.xml")
    assert code == 3
    assert "nowhere/report.xml: No such file or directory [cannot-write]" in err


def test_bindings_that_must_work(say: Say) -> None:
    where = facts(torch="2.7.0", ipex="2.7.0", isa=IsaLevel.AVX512_FP16)
    well = all_well()
    rows = [json.loads(line) for line in well.answer.replace(b"2.8.0", b"2.7.0").splitlines()]
    code, out, err = say("--ccl", "bindings", children=finished(rows), ranks=ccl_ranks(), where=where)
    assert code == 0
    assert (
        "allreduce  pass          1.0  sum, max right on 2 ranks over oneCCL 2021.14.0 (bindings, ofi, tcp, lo)" in out
    )
    assert "checking allreduce and ddp over ccl with 2 ranks" in err


@pytest.mark.parametrize(
    ("where", "reason"),
    [
        (facts(torch="2.7.0", ipex="2.7.0"), "none is installed, and the oneCCL bindings 2.7.0 would fit"),
        (facts(), "torch is not installed"),
    ],
)
def test_why_there_is_no_ccl(say: Say, where: Facts, reason: str) -> None:
    rows = [json.loads(line) for line in all_well().answer.splitlines()]
    _, out, _ = say("--json", where=where, children=finished(rows))
    assert json.loads(out)["data"]["ccl"]["reason"].startswith(reason)


@pytest.mark.parametrize("words", [("--nproc", "1"), ("--nproc", "two"), ("--timeout", "-1"), ("--dtype", "int8")])
def test_options_that_cannot_be(say: Say, words: tuple[str, ...]) -> None:
    code, out, err = say(*words)
    assert (code, out) == (2, "")
    assert words[1] in err


def test_nothing_installed_is_a_failed_import(say: Say) -> None:
    rows = raised("import", "ModuleNotFoundError", "No module named 'torch'", at="import torch")
    code, out, _ = say(where=facts(), children=finished(rows))
    assert code == 1
    assert "the target Python has no module torch" in out
