"""The settings of every recorded machine, and where they differ from Intel's and torch's launchers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from ipexenv.launch.masks import cpu_list
from ipexenv.launch.setting import RunWish
from ipexenv.launch.settings import choose_settings
from tests.machines import DATA, RECORDED, made, recorded, view

if TYPE_CHECKING:
    from pathlib import Path

    from ipexenv.facts import Topology
    from ipexenv.launch.setting import HostPlacement

FILES = tuple(sorted((DATA / "settings").glob("*.json")))


def topology_of(machine: str | dict[str, Any]) -> Topology:
    return recorded(DATA / machine) if isinstance(machine, str) else made(**machine)


def place(machine: Topology, wish: dict[str, Any]) -> HostPlacement:
    return choose_settings(view(machine), RunWish(under_intel_mpi=True, **wish), {})


def summary(placement: HostPlacement) -> dict[str, Any]:
    common = {setting.name: setting.value for setting in placement.settings}
    return {
        "compute": [cpu_list(rank.compute_cpus) for rank in placement.ranks],
        "threads": [int(placement.environment(rank.local_rank)["OMP_NUM_THREADS"]) for rank in placement.ranks],
        "bound": all(rank.cpus for rank in placement.ranks),
        "workers": common.get("CCL_WORKER_COUNT"),
        "affinity": common.get("CCL_WORKER_AFFINITY"),
        "domain": common.get("I_MPI_PIN_DOMAIN"),
    }


def test_every_recorded_machine_is_there_and_containers_and_small_ones() -> None:
    records = [json.loads(file.read_text("utf-8"))["machine"] for file in FILES]
    named = {machine for machine in records if isinstance(machine, str)}
    assert named == {f"{file.parent.name}/{file.name}" for file in RECORDED}
    assert {file.stem for file in FILES} >= {"container-with-quota", "container-with-cpuset", "one-core", "two-cores"}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_places_and_threads(file: Path) -> None:
    record = json.loads(file.read_text("utf-8"))
    machine = topology_of(record["machine"])
    for case in record["cases"]:
        expected = {name: value for name, value in case.items() if name != "wish"}
        assert summary(place(machine, case["wish"])) == expected, case["wish"]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_as_ipexrun_and_run_cpu_do_unless_a_reason_stands_there(file: Path) -> None:
    record = json.loads(file.read_text("utf-8"))
    machine = topology_of(record["machine"])
    unlike = set()
    for workers, theirs in record["ipexrun"].items():
        ours = summary(place(machine, {"provider": "bindings", "ccl_workers": int(workers)}))
        same = {
            "ranks": len(ours["threads"]),
            "threads": min(ours["threads"]),
            "domain": ours["domain"],
            "affinity": ours["affinity"],
        }
        unlike |= {f"ipexrun {workers}"} if same != theirs else set()
    if summary(place(machine, {"provider": "none"}))["compute"] != record["run_cpu"]:
        unlike.add("run_cpu")
    assert unlike == set(record["differs"])
    assert all(record["differs"].values())


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
@pytest.mark.parametrize("ranks", [1, 2, 3, 5, 8])
@pytest.mark.parametrize("provider", ["none", "bridge", "bindings"])
def test_ranks_stay_within_what_is_allowed(file: Path, ranks: int, provider: str) -> None:
    machine = topology_of(json.loads(file.read_text("utf-8"))["machine"])
    placement = place(machine, {"provider": provider, "ranks_per_host": ranks})
    computing = [cpu for rank in placement.ranks for cpu in rank.compute_cpus]
    assert len(placement.ranks) == ranks
    assert set(computing) <= set(machine.usable_cpus)
    crowded = ranks > (machine.usable_cores or 0) or machine.cpu_quota is not None
    assert crowded or len(computing) == len(set(computing))
    affinity = {setting.name: setting.value for setting in placement.settings}.get("CCL_WORKER_AFFINITY")
    if affinity is not None:
        assert {int(cpu) for cpu in affinity.split(",")} <= set(machine.usable_cpus)
