"""The distributed checks across hosts, over launchers that never run."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from packaging.version import Version

from ipexenv.facts import Package
from ipexenv.launch.hostfile import HostEntry
from ipexenv.launch.seats import seat_ranks
from ipexenv.system.world import World
from ipexenv.verify.across import ccl_across_hosts, gloo_across_hosts
from ipexenv.verify.job import Job
from ipexenv.verify.options import VerifyOptions
from tests.fakes import FakeRunner, facts, finished
from tests.unit.launch.test_frames import ending, frame
from tests.unit.launch.test_start import SEEN, FakeGroup, FakeNetwork, answer, order_in
from tests.unit.verify.stories import BRIDGED, BRIDGED_DDP, DDP, GLOO, PROVEN, end

if TYPE_CHECKING:
    from ipexenv.system.runner import Finished

BRIDGE_MODULE = "oneccl_bindings_for_pytorch"
HOSTS = [HostEntry(name="here", slots=2), HostEntry(name="there", slots=2)]
OPTIONS = VerifyOptions(
    stack="native",
    ccl="bridge",
    import_names=("torch", BRIDGE_MODULE),
    seats=seat_ranks(HOSTS),
    launcher="ssh",
    timeout_s=50,
)


def rank(number: int, *rows: dict[str, Any]) -> Finished:
    told = "".join(json.dumps(row) + "\n" for row in rows).encode()
    return finished(stdout=frame(number, 0, "a", told) + ending(number, 1))


def well(number: int, **more: Any) -> Finished:
    return rank(
        number,
        *end("allreduce", {**BRIDGED, **PROVEN, **more}),
        *end("ddp", {**BRIDGED_DDP, **more}),
    )


def job(*endings: Finished, options: VerifyOptions = OPTIONS, there: Finished | None = None, **env: str) -> Job:
    runner = FakeRunner(endings=[(("-- there",), there or answer()), (("/env/bin/python",), answer(0, cpus=1))])
    world = World(runner=runner, group=FakeGroup(endings), network=FakeNetwork(), env={"PATH": "/usr/bin:/bin", **env})
    plain = facts(torch="2.13.0")
    bridge = Package(name="ipexenv-oneccl-bridge", version=Version("2022.2.0+ipexenv.bridge.1"))
    here = replace(plain, installed=replace(plain.installed, bridge=bridge))
    return Job.prepare(world, here, options, lambda _event: None)


def requested(running: Job) -> dict[str, Any]:
    group = running.world.group
    assert isinstance(group, FakeGroup)
    return order_in(group.programs[0].argv[-1])


def test_the_bridge_is_proven_on_all_hosts() -> None:
    running = job(*(well(number) for number in range(4)))
    (allreduce, ddp), hosts = ccl_across_hosts(running, with_ipex=False)
    assert (allreduce.status, ddp.status) == ("pass", "pass")
    assert "right on 4 ranks of 2 hosts over oneCCL 2022.2.0 (bridge, ofi, tcp, shm, lo)" in allreduce.detail
    assert allreduce.detail.endswith("note: 2 ranks share 1 CPU of here, which slows them down")
    assert [(host.name, host.ranks, host.oneccl, host.interface) for host in hosts] == [
        ("here", (0, 1), "2022.2.0", "lo"),
        ("there", (2, 3), "2022.2.0", "lo"),
    ]


def test_the_ranks_meet_at_the_first_hosts_address_and_the_bridge_chooses_for_itself() -> None:
    running = job(*(well(number) for number in range(4)), CCL_LOG_LEVEL="warn")
    ccl_across_hosts(running, with_ipex=False)
    order = requested(running)
    assert (order["master_address"], order["master_port"]) == ("10.0.0.1", SEEN["port"])
    assert order["interface_variables"] == ["GLOO_SOCKET_IFNAME"]
    assert order["places_oneccl"] is False
    assert order["env"] == {"CCL_LOG_LEVEL": "warn"}
    assert list(order["modules"]) == ["_target_records", "_target_allreduce", "_target_rank"]
    request = order["request"]
    assert (request["meeting_file"], request["backend"], request["averages"], request["dtype"]) == (
        None,
        "ccl",
        True,
        "bf16",
    )


def test_the_bindings_are_told_what_they_need() -> None:
    running = job(*(well(number) for number in range(4)), options=replace(OPTIONS, ccl="bindings"))
    ccl_across_hosts(running, with_ipex=False)
    order = requested(running)
    assert order["interface_variables"] == ["GLOO_SOCKET_IFNAME", "CCL_KVS_IFACE", "FI_TCP_IFACE"]
    assert order["places_oneccl"] is True
    assert order["env"]["CCL_LOG_LEVEL"] == "info"
    assert "CCL_KVS_IFACE" not in order["env"]
    assert order["request"]["averages"] is False


def test_a_host_that_cannot_take_part_is_a_failure_and_nothing_is_started() -> None:
    refused = finished(255, stderr="there: Permission denied (publickey,password).\n")
    running = job(there=refused)
    (allreduce, ddp), hosts = ccl_across_hosts(running, with_ipex=False)
    assert (allreduce.status, ddp.status) == ("fail", "skip")
    assert allreduce.detail.startswith("there: ssh is not let in without a password")
    assert allreduce.measurements == {"code": "ssh-refused", "hosts_at_fault": ["there"]}
    assert allreduce.hint is not None
    assert [host.problem is None for host in hosts] == [True, False]
    group = running.world.group
    assert isinstance(group, FakeGroup)
    assert group.programs == []


def test_a_host_that_is_lost_at_the_start_is_a_failure_too() -> None:
    lost = finished(255, stderr="ssh: connect to host there port 22: Connection refused\n")
    ended = replace(finished(-15), ended=True)
    (allreduce, _), _ = ccl_across_hosts(job(ended, ended, lost, ended), with_ipex=False)
    assert allreduce.detail == "there: ssh cannot reach it: Connection refused"
    assert "Connection refused" in allreduce.output


def test_gloo_goes_across_hosts_too() -> None:
    row = {**DDP, **GLOO}
    options = replace(OPTIONS, ccl="none", import_names=("torch",))
    running = job(*(rank(number, *end("ddp", row)) for number in range(4)), options=options)
    (check,), hosts = gloo_across_hosts(running)
    assert (check.id, check.status) == ("ddp-gloo", "pass")
    assert "fp32 gradients equal on 4 ranks of 2 hosts over gloo, not ccl" in check.detail
    assert [host.oneccl for host in hosts] == [None, None]
    assert requested(running)["request"]["dtype"] == "fp32"
