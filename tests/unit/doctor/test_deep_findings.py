"""What became of the children, as findings: each way in which an import of IPEX fails is named with its cause."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ipexenv.doctor.children import Child
from ipexenv.doctor.deep_findings import from_checks, from_children
from ipexenv.facts import Cpu, IsaLevel
from ipexenv.tables.load_failures import load_failures
from ipexenv.verify.checks import Check
from tests.fakes import finished
from tests.unit.doctor.surroundings import facts, surroundings, torch

if TYPE_CHECKING:
    from ipexenv.doctor.finding import Finding

FAILURES = load_failures()
TORCH, IPEX, BINDINGS = "torch", "intel_extension_for_pytorch", "oneccl_bindings_for_pytorch"
GUARD = "ERROR! Intel® Extension for PyTorch* needs to work with PyTorch 2.5.*, but PyTorch 2.8.0+cu128 is found."
OLD_CPU = "ERROR! Intel® Extension for PyTorch* only works on machines with instruction sets equal or newer than AVX2"


def child(*modules: str, code: int = 0, **more: Any) -> Child:
    return Child(modules=modules, ended=finished(code, **more), limit_s=120)


def found(*children: Child, **changes: Any) -> list[Finding]:
    return list(from_children(children, surroundings(**changes), FAILURES))


@pytest.mark.parametrize(
    ("tried", "expected", "words"),
    [
        (child(TORCH, IPEX, code=127, stdout=GUARD), "ipex-wrong-torch", "ended with exit code 127"),
        (
            child(TORCH, IPEX, code=1, stderr="AttributeError: module 'os' has no attribute 'exit'"),
            "ipex-os-exit",
            "raised AttributeError",
        ),
        (child(TORCH, IPEX, code=127), "ipex-silent-exit", "ended with exit code 127 and said nothing"),
        (child(TORCH, IPEX, code=1, stderr="NameError: name 'exit' is not defined"), "ipex-exit-undefined", "raised"),
        (
            child(TORCH, IPEX, code=1, stderr="x.so: undefined symbol: _ZN3c1019UndefinedTensorImpl10_singletonE"),
            "torch-undefined-symbol",
            "ended with exit code 1: x.so",
        ),
        (
            child(TORCH, IPEX, code=1, stderr="OSError: x: cannot enable executable stack as shared object requires"),
            "executable-stack",
            "raised OSError",
        ),
        (child(TORCH, IPEX, code=1, stderr=OLD_CPU), "avx2-missing", "ended with exit code 1: ERROR!"),
        (child(TORCH, IPEX, code=-4), "illegal-instruction", "died of SIGILL"),
        (
            child(TORCH, BINDINGS, code=-6, stderr="what(): Mismatch in kernel C++ signatures"),
            "bindings-abort",
            "died of SIGABRT",
        ),
        (child(TORCH, BINDINGS, code=-6), "bindings-abort", "died of SIGABRT"),
        (child("numpy", code=-6), "import-signal", "died of SIGABRT"),
        (child(TORCH, IPEX, code=-11), "segmentation-fault", "died of SIGSEGV"),
        (child(TORCH, code=139, stderr="Segmentation fault (core dumped)"), "segmentation-fault", "died of SIGSEGV"),
        (child(TORCH, code=-7), "shm-too-small", "died of SIGBUS"),
        (child(TORCH, code=-9), "out-of-memory", "died of SIGKILL"),
        (child("transformers", timed_out=True, code=-9), "import-hang", "did not come to an end within 120 s"),
        (child("transformers", code=0), "import-early-exit", "ended the process in the middle"),
        (child("transformers", code=3), "import-silent-exit", "ended with exit code 3 and said nothing"),
        (child("transformers", code=127), "import-silent-guard", "ended with exit code 127 and said nothing"),
        (child("accelerate", code=1, stderr="ValueError: nobody knows this"), "import-exception", "raised ValueError"),
    ],
    ids=lambda value: value if isinstance(value, str) and " " not in value else "",
)  # fmt: skip
def test_each_way_to_fail_is_named(tried: Child, expected: str, words: str) -> None:
    changes = {}
    if expected == "avx2-missing":
        changes = {"facts": facts(cpu=Cpu(isa=IsaLevel.DEFAULT))}
    if expected == "executable-stack":
        changes = {"facts": facts(glibc="2.41", torch=torch("2.7.0"))}
    (finding,) = found(tried, **changes)
    assert (finding.id, finding.severity) == (expected, "error")
    assert finding.summary.startswith(f"importing {tried.name} {words}")
    assert finding.evidence[0] == tried.command
    assert finding.cause
    assert finding.cure


def test_what_works_is_no_finding() -> None:
    assert found(child(TORCH, answer=b"done"), child("numpy", answer=b"done", stdout="hello")) == []


def test_what_works_and_complains_of_something_known_is_a_warning() -> None:
    printed = (
        "ERROR: ld.so: object '/x/libiomp5.so' from LD_PRELOAD cannot be preloaded (cannot open shared object file)"
    )
    (finding,) = found(child(TORCH, answer=b"done", stderr=printed))
    assert (finding.id, finding.severity, finding.summary) == (
        "preload-missing",
        "warning",
        "importing torch works, and complains",
    )


def test_a_death_after_the_work_is_a_warning() -> None:
    (finding,) = found(child(TORCH, code=5, answer=b"done"))
    assert (finding.id, finding.severity) == ("import-late-death", "warning")


def test_what_stands_on_a_broken_part_is_not_blamed() -> None:
    tried = (
        child(TORCH, code=1, stderr="OSError: libgomp.so.1: cannot open shared object file"),
        child(TORCH, IPEX, code=1, stderr="OSError: libgomp.so.1: cannot open shared object file"),
    )
    assert [finding.summary.split()[1] for finding in found(*tried)] == [TORCH]


def checks_found(*checks: Check, **changes: Any) -> list[Finding]:
    return list(from_checks(checks, surroundings(target_words=" --venv x", **changes), FAILURES))


def test_two_runtimes_in_one_process_are_named() -> None:
    libraries = ["/v/torch.libs/libgomp-a34b.so.1", "/usr/lib/libiomp5.so", "/v/lib/libccl.so.1"]
    check = Check(id="import", status="pass", detail="fine", measurements={"libraries": libraries})
    (finding,) = checks_found(check)
    assert (finding.id, finding.severity, finding.evidence) == ("two-openmp", "warning", tuple(libraries[:2]))


@pytest.mark.parametrize(
    ("libraries", "expected"),
    [
        (["/b/lib/libccl.so.1", "/b/lib/libccl.so.2", "/b/lib/libccl_legacy_cpu.so", "/t/libgomp.so.1"], []),
        (["/b/lib/libccl.so.1", "/i/lib/libccl.so.1.0", "/b/lib/libccl.so.2"], ["two-libccl"]),
        (["/i/libmpi.so.12.0.0", "/usr/lib/libmpi.so.40", "/usr/lib/libmpi_cxx.so.40"], ["two-libmpi"]),
        (["/i/libfabric.so.1", "/usr/lib/libfabric.so.1.20"], ["two-libfabric"]),
        (["/t/libgomp-c9fe.so.1", "/usr/lib/libgomp.so.1"], ["two-openmp"]),
    ],
)
def test_only_copies_of_one_thing_are_two(libraries: list[str], expected: list[str]) -> None:
    check = Check(id="import", status="pass", detail="fine", measurements={"libraries": libraries})
    assert [finding.id for finding in checks_found(check)] == expected


def test_a_preloaded_openmp_answers_for_the_other() -> None:
    libraries = ["/v/torch.libs/libgomp-a34b.so.1", "/usr/lib/libiomp5.so"]
    check = Check(id="import", status="pass", detail="fine", measurements={"libraries": libraries})
    assert checks_found(check, env={"LD_PRELOAD": "/usr/lib/libiomp5.so"}) == []


def test_a_failed_check_gets_the_cause_of_what_it_printed() -> None:
    check = Check(
        id="import",
        status="fail",
        detail="it ended with code 1",
        output="ImportError: libccl.so.1: cannot open shared object file: No such file or directory",
    )
    (finding,) = checks_found(check, Check(id="isa", status="pass", detail="fine"))
    assert (finding.id, finding.severity) == ("libccl-missing", "error")
    assert 'eval "$(ipexenv env --venv x)"' in (finding.cure or "")


def test_a_failed_check_that_printed_nothing_goes_by_its_ending() -> None:
    check = Check(id="train", status="fail", detail="it died of SIGKILL", measurements={"returncode": -9})
    (finding,) = checks_found(check)
    assert finding.id == "out-of-memory"


def test_ranks_that_never_end_are_a_hang() -> None:
    check = Check(
        id="allreduce", status="fail", detail="it did not end", measurements={"code": "timed-out", "returncode": -9}
    )
    (finding,) = checks_found(check)
    assert finding.id == "hang-at-start"


def test_what_only_follows_from_a_failed_import_is_not_said_again() -> None:
    broken = Check(id="import", status="fail", detail="boom", output="ValueError: x", measurements={"returncode": 1})
    follows = Check(id="allreduce", status="fail", detail="the bridge is expected and cannot be imported")
    assert [finding.id for finding in checks_found(broken, follows)] == ["verify-import"]


def test_of_an_unknown_failure_the_telling_lines_are_shown() -> None:
    output = "starting\nRuntimeError: the wobbler broke\nframe #1\nframe #2\nframe #3\nframe #4"
    (finding,) = checks_found(Check(id="train", status="fail", detail="boom", output=output))
    assert (finding.id, finding.evidence) == ("verify-train", ("RuntimeError: the wobbler broke",))
    assert finding.cause
    assert finding.cure == "`ipexenv verify --venv x -v` shows all of it"


def test_a_degraded_check_is_a_warning_with_its_own_hint() -> None:
    check = Check(id="bf16-path", status="degraded", detail="slow", hint="try fp32")
    (finding,) = checks_found(check)
    assert (finding.id, finding.severity, finding.cure) == ("verify-bf16-path", "warning", "try fp32")
