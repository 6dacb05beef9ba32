"""The checks allreduce and ddp: proven oneCCL, right sums, equal gradients; and whose fault a failure is."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from ipexenv.verify.collectives import Group, judge_group
from ipexenv.verify.options import VerifyOptions
from tests.unit.verify.stories import (
    ALLREDUCE,
    BRIDGED,
    BRIDGED_DDP,
    DDP,
    GLOO,
    LIB,
    PROVEN,
    STARTED,
    begin,
    end,
    finished,
    printed,
    raised,
    stage,
)

if TYPE_CHECKING:
    from ipexenv.system.runner import Finished
    from ipexenv.verify.checks import Check

OPTIONS = VerifyOptions(stack="ipex", ccl="bindings", timeout_s=300)
BOTH = ("allreduce", "ddp")


def well(allreduce: dict[str, Any] | None = None, ddp: dict[str, Any] | None = None, **how: Any) -> Finished:
    rows = [*end("allreduce", {**ALLREDUCE, **(allreduce or {})}), *end("ddp", {**DDP, **(ddp or {})})]
    return finished(rows, **{"stdout": STARTED, **how})


def judge(*endings: Finished, checks: tuple[str, ...] = BOTH, **group: Any) -> tuple[Check, ...]:
    return judge_group(endings, checks, Group(**{"options": OPTIONS, **group}))


def test_oneccl_with_right_sums_and_equal_gradients_passes() -> None:
    allreduce, ddp = judge(well(), well())
    assert (allreduce.id, allreduce.status, ddp.id, ddp.status) == ("allreduce", "pass", "ddp", "pass")
    assert allreduce.detail == (
        "sum, max right on 2 ranks over oneCCL 2021.14.0 (bindings, ofi, tcp, lo): 8 B in 12 us, 64 MiB at 2.10 GB/s"
    )
    assert allreduce.measurements["oneccl_version"] == "2021.14.0"
    assert allreduce.measurements["provider"] == "bindings"
    assert allreduce.measurements["oneccl_file"] == "/env/oneccl_bindings_for_pytorch/lib/libccl.so.1"
    assert allreduce.measurements["latency_1_kib_microseconds"] == 20
    assert allreduce.measurements["bandwidth_16_mib_gigabytes_per_second"] == 2.097
    assert "algorithm" in allreduce.measurements["bandwidth_kind"]
    assert allreduce.measurements["libraries"] == ["/env/oneccl_bindings_for_pytorch/lib/libccl.so.1"]
    assert allreduce.measurements["latency_microseconds"] == 12.3
    assert ddp.detail.startswith("bf16 gradients equal on 2 ranks over oneCCL 2021.14.0")
    assert ddp.detail.endswith("loss 1.400 to 1.200")


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"backend": "gloo"}, "the backend is gloo, not ccl"),
        ({"is_gloo": True, "implementation": "ProcessGroupGloo"}, "is gloo (ProcessGroupGloo), not oneCCL"),
        ({"libraries": ["/env/opt/mpi/lib/libmpi.so.12"]}, "has loaded no libccl"),
    ],
)
def test_a_backend_by_the_name_of_ccl_is_not_oneccl(row: dict[str, Any], words: str) -> None:
    allreduce, ddp = judge(well(), well(allreduce=row))
    assert allreduce.status == "fail"
    assert words in allreduce.detail
    assert allreduce.hint is not None
    assert (ddp.status, ddp.detail) == ("skip", "not tried, because `allreduce` failed")


def test_a_libccl_that_never_started_proves_nothing() -> None:
    allreduce, _ = judge(well(stdout=""), well(stdout=""))
    assert allreduce.status == "fail"
    assert "never started the libccl" in allreduce.detail


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"gradient_digest": "other"}, "different gradients"),
        ({"gradient_difference": 0.5}, "are off the mean of all ranks'"),
        ({"gradient_difference": float("nan")}, "are off the mean of all ranks'"),
        ({"parameter_digest": "other"}, "different parameters"),
        ({"losses": [1.4, 1.5, 1.6]}, "the loss does not fall"),
    ],
)
def test_what_is_wrong_with_ddp_is_said(row: dict[str, Any], words: str) -> None:
    allreduce, ddp = judge(well(), well(ddp=row))
    assert (allreduce.status, ddp.status) == ("pass", "fail")
    assert words in ddp.detail


def test_the_rank_that_failed_first_is_named_with_its_last_lines() -> None:
    lost = finished(
        [begin("allreduce"), stage("allreduce", "allreduce fp32")], -15, ended=True, stderr="waiting\n", seconds=3
    )
    culprit = finished(
        [begin("allreduce"), stage("allreduce", "init_process_group ccl")],
        -11,
        stderr=printed("allreduce", "the last line\n", complete=False),
        seconds=2,
    )
    allreduce, ddp = judge(lost, culprit)
    assert allreduce.detail.startswith("rank 1: init_process_group ccl: it died of SIGSEGV")
    assert allreduce.measurements["rank"] == 1
    assert allreduce.measurements["stages"] == ["allreduce fp32", "init_process_group ccl"]
    assert allreduce.output == "the last line\nrank 0 was at: allreduce fp32\nwaiting"
    assert ddp.status == "skip"


def test_a_wrong_sum_is_told_by_the_rank_that_saw_it() -> None:
    rows = raised("allreduce", "FailedError", "bf16: element 3 is 1.0 on rank 0, expected 2.0", at="allreduce bf16")
    allreduce, _ = judge(finished(rows, 1), finished([begin("allreduce")], -15, ended=True))
    assert "element 3 is 1.0 on rank 0, expected 2.0" in allreduce.detail


def test_a_hang_says_where_every_rank_was() -> None:
    stuck = [begin("allreduce"), stage("allreduce", "init_process_group ccl")]
    endings = [
        finished(stuck, 1, stderr=printed("allreduce", "Timeout (0:05:00)!\n", complete=False)) for _ in range(2)
    ]
    allreduce, _ = judge(*endings)
    assert allreduce.detail == "rank 0: init_process_group ccl: it did not end within 300 s"
    assert "rank 1 was at: init_process_group ccl" in allreduce.output


def test_a_rank_that_could_not_be_started_is_named() -> None:
    allreduce, _ = judge(finished([], -15, ended=True), finished([], 127, stderr="/env/bin/python: not there"))
    assert allreduce.status == "fail"
    assert allreduce.detail.startswith("rank 1: ")
    assert "/env/bin/python: not there" in allreduce.output


def test_a_failure_in_ddp_leaves_allreduce_proven() -> None:
    crashed = [*end("allreduce", ALLREDUCE), begin("ddp"), stage("ddp", "step 1")]
    allreduce, ddp = judge(finished(crashed, -7, stdout=STARTED), well(ended=True, returncode=-15))
    assert allreduce.status == "pass"
    assert ddp.detail.startswith("rank 0: step 1: it died of SIGBUS")


def test_a_crash_at_the_very_end_degrades() -> None:
    allreduce, ddp = judge(well(), well(returncode=-6))
    assert (allreduce.status, ddp.status) == ("pass", "degraded")
    assert "when shutting down rank 1, it died of SIGABRT" in ddp.detail
    both = judge(well(), well(returncode=-15, ended=True))
    assert [check.status for check in both] == ["pass", "pass"]


BRIDGE = replace(OPTIONS, ccl="bridge")


def bridged(**row: Any) -> Finished:
    return finished([*end("allreduce", {**BRIDGED, **PROVEN, **row}), *end("ddp", {**BRIDGED_DDP, **row})])


def test_the_bridge_tells_its_version_by_itself() -> None:
    allreduce, ddp = judge(bridged(), bridged(), options=BRIDGE)
    assert (allreduce.status, ddp.status) == ("pass", "pass")
    assert "over oneCCL 2022.2.0 (bridge, ofi, shm, lo)" in allreduce.detail
    assert allreduce.measurements["oneccl_file"] == f"{LIB}/libccl.so.1"
    assert (allreduce.measurements["fabric"], allreduce.measurements["interface"]) == ("shm", "lo")


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"implementation_module": "somebody"}, "is another library, not the bridge"),
        ({"libraries": ["/else/libccl.so.2"]}, f"the bridge has loaded no libccl from its folder {LIB}"),
        ({"c_api_version": None}, "the bridge never started its oneCCL"),
        ({"bridge": {"folder": LIB, "in_use": "oneCCL is not loaded: no group was made yet"}}, "never started"),
        ({"is_gloo": True}, "is gloo"),
    ],
)
def test_who_poses_as_the_bridge_is_refused(row: dict[str, Any], words: str) -> None:
    allreduce, _ = judge(bridged(), bridged(**row), options=BRIDGE)
    assert allreduce.status == "fail"
    assert words in allreduce.detail
    assert allreduce.hint == "`ipexenv install --ccl bridge` puts it in"


def test_the_bridge_is_not_taken_for_the_bindings() -> None:
    allreduce, _ = judge(bridged(), bridged())
    assert "is ipexenv's bridge, not Intel's bindings" in allreduce.detail


def test_hosts_are_counted_and_named() -> None:
    row = {"settings": {**BRIDGED["settings"], "FI_TCP_IFACE": "eth0"}}
    hosts = ("a", "a", "b", "b")
    allreduce, _ = judge(*(bridged(**row) for _ in hosts), options=BRIDGE, hosts=hosts)
    assert "right on 4 ranks of 2 hosts over oneCCL 2022.2.0 (bridge, ofi, tcp, shm, eth0)" in allreduce.detail
    assert (allreduce.measurements["ranks"], allreduce.measurements["hosts"]) == (4, 2)
    dead = finished([begin("allreduce"), stage("allreduce", "allreduce fp32 sum")], -9)
    waiting = finished([begin("allreduce")], -15, ended=True)
    allreduce, _ = judge(waiting, waiting, waiting, dead, options=BRIDGE, hosts=hosts)
    assert allreduce.detail.startswith("rank 3 on b: allreduce fp32 sum: it died of SIGKILL")
    assert allreduce.measurements["host"] == "b"
    assert "rank 0 on a was at: start" in allreduce.output


@pytest.mark.parametrize(
    ("settings", "libraries", "hosts", "fabric"),
    [
        ({"CCL_ATL_TRANSPORT": "mpi"}, (), ("a", "a"), "shm"),
        ({"CCL_ATL_TRANSPORT": "mpi"}, ("/x/libtcp-fi.so", "/x/librxm-fi.so"), ("a", "b"), "tcp"),
        ({"CCL_ATL_TRANSPORT": "mpi"}, ("/x/libpsm3-fi.so",), ("a", "a", "b"), "psm3, shm"),
        ({"CCL_ATL_TRANSPORT": "mpi", "I_MPI_FABRICS": "ofi"}, (), ("a", "a"), "ofi"),
        ({"CCL_ATL_TRANSPORT": "mpi"}, (), ("a", "b"), "ofi"),
        ({"CCL_ATL_TRANSPORT": "ofi", "CCL_ATL_SHM": "0", "FI_PROVIDER": "tcp"}, (), ("a", "a"), "tcp"),
        ({}, (), ("a", "a"), ""),
    ],
)
def test_what_carries_the_data(settings: dict[str, str], libraries: tuple[str, ...], hosts: Any, fabric: str) -> None:
    row = {"settings": settings, "libraries": [*BRIDGED["libraries"][:2], *libraries]}
    allreduce, _ = judge(*(bridged(**row) for _ in hosts), options=BRIDGE, hosts=hosts)
    assert allreduce.measurements["fabric"] == fabric


def test_a_crowd_is_a_note() -> None:
    allreduce, _ = judge(well(), well(), note="2 ranks share 1 CPU")
    assert allreduce.status == "pass"
    assert allreduce.detail.endswith("; note: 2 ranks share 1 CPU")
    assert allreduce.measurements["note"] == "2 ranks share 1 CPU"


def test_gloo_is_called_gloo() -> None:
    row = {**DDP, **GLOO}
    endings = [finished(end("ddp", row)) for _ in range(2)]
    (check,) = judge(*endings, checks=("ddp",), gloo=True)
    assert (check.id, check.status) == ("ddp-gloo", "pass")
    assert "over gloo, not ccl" in check.detail
    assert check.measurements["backend"] == "gloo"
    assert "oneccl_version" not in check.measurements
