"""Settings of oneCCL within a host and between hosts, with Intel MPI and without."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from ipexenv.bridge.payload.ipexenv_oneccl_bridge import interfaces, settings

SCENE = settings.Scene(
    library_folder="/env/lib",
    local_rank=0,
    local_size=1,
    one_host=False,
    shm_room=True,
    cpus=(0, 1),
    interface="eth0",
    mpi_library="/env/lib/libmpi.so.12",
)


def test_intel_mpi_gets_the_bridges_libfabric_and_the_interface_between_hosts() -> None:
    found = settings.choose(SCENE, {})
    assert (found["CCL_ATL_TRANSPORT"], found["FI_TCP_IFACE"], found["CCL_KVS_IFACE"]) == ("mpi", "eth0", "eth0")
    assert found["I_MPI_OFI_LIBRARY"] == "/env/lib/libfabric.so.1"
    assert found["FI_PROVIDER_PATH"] == "/env/lib"


@pytest.mark.parametrize(
    ("scene", "env"),
    [({"one_host": True}, {"CCL_ATL_TRANSPORT": "mpi"}), ({}, {"FI_PROVIDER_PATH": "/intel/prov"})],
    ids=["one host", "an MPI that was set up"],
)
def test_intel_mpi_keeps_its_own_libfabric(scene: dict[str, Any], env: dict[str, str]) -> None:
    found = settings.choose(SCENE._replace(**scene), env)
    assert {"I_MPI_OFI_LIBRARY", "FI_PROVIDER_PATH"}.isdisjoint(found)


def test_what_the_user_set_is_left() -> None:
    env = {"CCL_KVS_IFACE": "ib0", "I_MPI_OFI_LIBRARY": "/x/libfabric.so", "CCL_ATL_TRANSPORT": "mpi"}
    found = settings.choose(SCENE, env)
    assert set(env).isdisjoint(found)
    assert found["FI_TCP_IFACE"] == "ib0"


def test_interfaces_that_are_up_are_some_of_all() -> None:
    assert set(interfaces.up()) <= {name for _, name in socket.if_nameindex()}


def test_within_a_host_libfabric_s_shared_memory_is_used_even_under_intel_mpi() -> None:
    found = settings.choose(SCENE._replace(one_host=True), {})
    assert (found["CCL_ATL_TRANSPORT"], found["CCL_ATL_SHM"], found["CCL_KVS_IFACE"]) == ("ofi", "1", "lo")
    assert found["CCL_ALLREDUCE"] == "nreduce:33554432-max"
    assert "CCL_MPI_LIBRARY_PATH" not in found


def test_a_user_s_intel_mpi_within_a_host_is_used() -> None:
    found = settings.choose(SCENE._replace(one_host=True), {"CCL_ATL_TRANSPORT": "mpi"})
    assert found["CCL_MPI_LIBRARY_PATH"] == "/env/lib/libmpi.so.12"
    assert {"CCL_ATL_SHM", "CCL_ALLREDUCE", "I_MPI_OFI_LIBRARY"}.isdisjoint(found)


@pytest.mark.parametrize("scene", [{"one_host": False}, {"one_host": True, "shm_room": False}], ids=str)
def test_without_shared_memory_between_all_ranks_oneccl_chooses_its_algorithms(scene: dict[str, Any]) -> None:
    found = settings.choose(SCENE._replace(mpi_library=None, **scene), {})
    assert "CCL_ALLREDUCE" not in found
    assert found["CCL_ATL_SHM"] == ("1" if scene.get("shm_room", True) else "0")


@pytest.mark.parametrize(
    ("cpus", "local_size", "chosen"),
    [((0, 1), 2, [1, 0]), ((0, 1), 4, [1, 0, 1, 0]), ((8, 9, 10), 2, [10, 9]), ((5,), 3, [5, 5, 5])],
)
def test_workers_get_the_last_cpus_one_after_the_other(
    cpus: tuple[int, ...], local_size: int, chosen: list[int]
) -> None:
    assert settings.worker_cpus(cpus, local_size) == chosen
    affinity = settings.choose(SCENE._replace(cpus=cpus, local_size=local_size), {})["CCL_WORKER_AFFINITY"]
    assert affinity == ",".join(map(str, chosen))


def test_the_worker_s_cpu_is_read_back_from_a_plain_list_alone() -> None:
    assert settings.communication_cpu({"CCL_WORKER_AFFINITY": "3,2"}, 1) == 2
    assert settings.communication_cpu({"CCL_WORKER_AFFINITY": "4,5,6,7", "CCL_WORKER_COUNT": "2"}, 1) == 6
    assert settings.communication_cpu({"CCL_WORKER_AFFINITY": "3"}, 1) is None
    assert settings.communication_cpu({"CCL_WORKER_AFFINITY": "auto"}, 0) is None
    assert settings.communication_cpu({"CCL_WORKER_AFFINITY": "0-3"}, 0) is None
    assert settings.communication_cpu({}, 0) is None


def test_cpus_are_scarce_below_four_for_each_rank() -> None:
    assert settings.are_cpus_scarce(range(7), 2)
    assert not settings.are_cpus_scarce(range(8), 2)


@pytest.mark.parametrize(("text", "serial"), [("0", True), (" off ", True), ("1", False), ("", False)])
def test_oneccl_without_a_worker_takes_one_thread_at_a_time(text: str, serial: bool) -> None:  # noqa: FBT001 (a row)
    assert settings.is_serial({"CCL_WORKER_OFFLOAD": text}) is serial
    assert not settings.is_serial({})
