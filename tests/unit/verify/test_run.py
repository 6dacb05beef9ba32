"""The whole run over children that pass, crash, hang and lie."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest
from packaging.version import Version

from ipexenv.errors import OutsideError
from ipexenv.facts import Facts, IsaLevel, Package
from ipexenv.system.world import World
from ipexenv.verify.options import VerifyOptions
from ipexenv.verify.run import verify
from tests.fakes import facts
from tests.unit.verify.stories import (
    AMX_LINES,
    ISA,
    PAIR,
    PATH,
    TRAIN,
    FakeChildren,
    FakeRanks,
    all_well,
    begin,
    ccl_ranks,
    end,
    finished,
    gloo_ranks,
    imported,
    printed,
    raised,
    stage,
)

if TYPE_CHECKING:
    from ipexenv.events import Event
    from ipexenv.system.runner import Finished
    from ipexenv.verify.checks import Check, VerifyReport

IPEX = "intel_extension_for_pytorch"
BINDINGS = "oneccl_bindings_for_pytorch"
PLAIN = VerifyOptions(stack="ipex", import_names=("torch", IPEX), ccl_reason="there are none", timeout_s=100)
WITH_CCL = replace(PLAIN, ccl="bindings", import_names=("torch", IPEX, BINDINGS))
TRIPLE = (*PAIR, (BINDINGS, "2.7.0+cpu"))


@dataclass
class Run:
    """What one run said and did."""

    report: VerifyReport
    children: FakeChildren
    ranks: FakeRanks
    events: list[Event]

    def __getitem__(self, check: str) -> Check:
        return next(each for each in self.report.checks if each.id == check)

    @property
    def statuses(self) -> dict[str, str]:
        return {check.id: check.status for check in self.report.checks}


def run(
    *endings: Finished,
    options: VerifyOptions = PLAIN,
    ranks: FakeRanks | None = None,
    env: dict[str, str] | None = None,
    where: Facts | None = None,
) -> Run:
    children = FakeChildren(list(endings))
    group = gloo_ranks() if ranks is None else ranks
    events: list[Event] = []
    world = World(runner=children, group=group, env=env or {})
    here = facts(torch="2.8.0", ipex="2.8.0", isa=IsaLevel.AVX512_FP16) if where is None else where
    report = verify(world, here, options, events.append)
    return Run(report=report, children=children, ranks=group, events=events)


def test_all_is_well_without_a_ccl_provider() -> None:
    told = run(all_well())
    assert told.statuses == {
        "import": "pass",
        "isa": "pass",
        "bf16-path": "pass",
        "train": "pass",
        "allreduce": "skip",
        "ddp": "skip",
        "ddp-gloo": "pass",
    }
    assert told.report.passed
    assert told["allreduce"].detail == "no ccl backend: there are none"
    assert len(told.children.requests) == 1
    assert [request["import_names"] for request in told.ranks.requests()] == [["torch"], ["torch"]]
    steps = [event.text for event in told.events if event.kind == "step"]
    assert steps == ["checking bf16-path", "checking train", "checking ddp over gloo with 2 ranks"]


def test_one_process_is_asked_for_everything_with_its_limits() -> None:
    told = run(all_well())
    request = told.children.requests[0]
    assert request == {
        "checks": ["import", "isa", "bf16-path", "train"],
        "import_names": ["torch", IPEX],
        "ipex": IPEX,
        "dtype": "bf16",
        "limit_s": 100,
        "site_packages": None,
    }
    assert told.children.environments[0]["ONEDNN_VERBOSE"] == "1"
    assert told.children.limits_s[0] >= 500


def test_another_dtype_needs_no_bf16_path() -> None:
    told = run(all_well("fp32"), options=replace(PLAIN, dtype="fp32"))
    assert told.children.requests[0]["checks"] == ["import", "isa", "train"]
    assert (told["bf16-path"].status, told["bf16-path"].detail) == ("skip", "fp32 was asked for")
    assert [check.id for check in told.report.checks][:4] == ["import", "isa", "bf16-path", "train"]


def test_a_failed_import_leaves_nothing_to_try() -> None:
    rows = raised("import", "AttributeError", "module 'os' has no attribute 'exit'", at=f"import {IPEX}")
    text = "ERROR! needs to work with PyTorch 2.6.*, but PyTorch 2.8.0 is found."
    told = run(finished(rows, stdout=printed("import", text)))
    assert not told.report.passed
    check = told["import"]
    assert check.detail == f"import {IPEX}: this IPEX is built for torch 2.6, and torch 2.8.0 is installed"
    assert check.output.startswith(text)
    assert check.measurements["code"] == "version-pair"
    assert set(told.statuses.values()) == {"fail", "skip"}
    assert told.ranks.groups == []


@pytest.mark.parametrize("code", [-4, -6, -7, -11, 127])
def test_an_import_that_kills_its_process_is_a_failed_import(code: int) -> None:
    told = run(finished([begin("import"), stage("import", f"import {IPEX}")], code))
    assert told["import"].status == "fail"
    assert told["import"].measurements["returncode"] == code
    assert told["train"].status == "skip"


def test_a_target_that_cannot_be_started_is_a_failed_import() -> None:
    told = run(finished([], 127, stderr="/env/bin/python: No such file or directory"))
    assert told["import"].status == "fail"
    assert "No such file or directory" in told["import"].output


def test_a_process_that_hangs_is_a_time_out_with_its_stage() -> None:
    rows = [begin("import"), stage("import", "import torch")]
    told = run(finished(rows, 1, stderr=printed("import", "Timeout (0:01:40)!\n", complete=False)))
    assert told["import"].detail == "import torch: it did not end within 100 s"
    told = run(finished(rows, -15, timed_out=True))
    assert told["import"].detail == "import torch: it did not end within 100 s"


def test_a_check_that_kills_its_process_costs_only_itself() -> None:
    first = finished([*imported(*PAIR), *end("isa", ISA), begin("bf16-path"), stage("bf16-path", "step")], -4)
    second = finished([*imported(*PAIR), *end("train", TRAIN)], stdout=printed("train", AMX_LINES))
    told = run(first, second)
    assert [request["checks"] for request in told.children.requests] == [
        ["import", "isa", "bf16-path", "train"],
        ["import", "train"],
    ]
    assert told["bf16-path"].detail.startswith("step: it died of SIGILL")
    assert (told["import"].status, told["isa"].status, told["train"].status) == ("pass", "pass", "pass")


def test_a_process_that_dies_between_two_checks_fails_the_next() -> None:
    first = finished([*imported(*PAIR), *end("isa", ISA)], -9)
    second = finished([*imported(*PAIR), *end("train", TRAIN)])
    told = run(first, second)
    assert told["bf16-path"].detail.startswith("it died of SIGKILL")
    assert told["train"].status == "pass"


def test_an_import_that_fails_the_second_time_ends_the_trying() -> None:
    first = finished([*imported(*PAIR), begin("isa")], -11)
    again = [finished([begin("import")], -11) for _ in range(2)]
    told = run(first, *again)
    assert [told[check].status for check in ("import", "isa", "bf16-path", "train")] == ["pass", "fail", "fail", "fail"]


def test_a_crash_when_shutting_down_degrades_the_last_check() -> None:
    told = run(replace(all_well(), returncode=-11))
    assert told["train"].status == "degraded"
    assert "when shutting down, it died of SIGSEGV" in told["train"].detail


def test_an_exception_under_a_cap_names_the_cap() -> None:
    rows = [*imported(*PAIR), *end("isa", ISA), *raised("bf16-path", "RuntimeError", "could not create a primitive")]
    rows += end("train", TRAIN)
    told = run(finished(rows), env={"ONEDNN_MAX_CPU_ISA": "AVX2"})
    assert "with ONEDNN_MAX_CPU_ISA=AVX2" in told["bf16-path"].detail
    assert told["bf16-path"].hint == "unset ONEDNN_MAX_CPU_ISA, then run this again"
    assert told["isa"].status == "degraded"


def ccl_run(single: Finished, *more: Finished, ranks: FakeRanks | None = None) -> Run:
    plain = facts(torch="2.7.0", ipex="2.7.0", isa=IsaLevel.AVX512_FP16)
    bindings = Package(name="oneccl_bind_pt", version=Version("2.7.0"), location="/env/site-packages")
    here = replace(plain, installed=replace(plain.installed, bindings=bindings))
    return run(single, *more, options=WITH_CCL, ranks=ccl_ranks() if ranks is None else ranks, where=here)


def triple(*libraries: str) -> Finished:
    modules = [(name, version.replace("2.8.0", "2.7.0")) for name, version in TRIPLE]
    rows = [*imported(*modules, libraries=libraries), *end("isa", ISA), *end("bf16-path", PATH), *end("train", TRAIN)]
    return finished(rows, stdout=printed("bf16-path", AMX_LINES))


def test_all_is_well_with_the_bindings() -> None:
    told = ccl_run(triple())
    assert set(told.statuses.values()) == {"pass"}
    assert "ddp-gloo" not in told.statuses
    assert told.children.environments[0]["CCL_ROOT"] == f"/env/site-packages/{BINDINGS}"
    first, second = told.ranks.groups[0]
    assert (first.env["RANK"], second.env["RANK"], second.env["WORLD_SIZE"]) == ("0", "1", "2")
    assert second.env["CCL_LOCAL_RANK"] == "1"
    assert first.env["OMP_NUM_THREADS"] == "1"
    assert [request["import_names"] for request in told.ranks.requests()] == [["torch", BINDINGS]] * 2


def test_ranks_import_ipex_where_it_brings_a_libccl_of_its_own() -> None:
    told = ccl_run(triple(f"/env/site-packages/{IPEX}/lib/libccl.so.1"))
    assert [request["import_names"] for request in told.ranks.requests()] == [["torch", IPEX, BINDINGS]] * 2


def test_bindings_that_kill_the_process_cost_only_ccl() -> None:
    crashed = [begin("import"), stage("import", f"import {BINDINGS}")]
    abort = printed("import", "Mismatch in kernel C++ signatures", complete=False)
    without = finished([*imported(*PAIR), *end("isa", ISA), *end("bf16-path", PATH), *end("train", TRAIN)])
    told = ccl_run(finished(crashed, -6, stderr=abort), without)
    assert told["import"].detail == (
        f"import {BINDINGS}: it died of SIGABRT: the oneCCL bindings are built for another torch"
    )
    assert told.children.requests[1]["import_names"] == ["torch", IPEX]
    assert told["train"].status == "pass"
    assert (told["allreduce"].status, told["ddp"].status) == ("fail", "fail")
    assert told["allreduce"].hint == told["import"].hint
    assert told.ranks.groups == []


def test_variables_of_a_launcher_around_us_are_not_passed_on() -> None:
    told = run(all_well(), env={"PMI_RANK": "3", "OMPI_COMM_WORLD_SIZE": "8", "PATH": "/bin", "OMP_NUM_THREADS": "7"})
    assert {"PMI_RANK", "OMPI_COMM_WORLD_SIZE"}.isdisjoint(told.children.environments[0])
    env = told.ranks.groups[0][0].env
    assert (env["PATH"], env["OMP_NUM_THREADS"], env["GLOO_SOCKET_IFNAME"]) == ("/bin", "7", "lo")


def test_no_temporary_folder_is_an_error_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: Any, **_keywords: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile, "TemporaryDirectory", refuse)
    with pytest.raises(OutsideError, match="No space left on device"):
        run(all_well())
