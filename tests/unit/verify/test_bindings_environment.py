"""The environment of the bindings, for both layouts that their wheels had."""

from __future__ import annotations

from pathlib import PurePosixPath

from ipexenv.verify.bindings_environment import bindings_environment, single_host_environment

PACKAGE = PurePosixPath("/env/oneccl_bindings_for_pytorch")


def existing(*parts: str) -> frozenset[PurePosixPath]:
    return frozenset(PACKAGE / part for part in parts)


def test_mpi_below_opt_since_2_4() -> None:
    there = existing("lib", "opt/mpi", "opt/mpi/lib", "opt/mpi/libfabric/lib", "opt/mpi/libfabric/lib/prov")
    assert bindings_environment(PACKAGE, there.__contains__, {"LD_LIBRARY_PATH": "/mine"}) == {
        "CCL_ROOT": str(PACKAGE),
        "I_MPI_ROOT": f"{PACKAGE}/opt/mpi",
        "LD_LIBRARY_PATH": f"{PACKAGE}/lib:{PACKAGE}/opt/mpi/lib:{PACKAGE}/opt/mpi/libfabric/lib:/mine",
        "FI_PROVIDER_PATH": f"{PACKAGE}/opt/mpi/libfabric/lib/prov:/usr/lib64/libfabric",
    }


def test_all_in_lib_before() -> None:
    there = existing("lib", "lib/prov")
    assert bindings_environment(PACKAGE, there.__contains__, {}) == {
        "CCL_ROOT": str(PACKAGE),
        "I_MPI_ROOT": str(PACKAGE),
        "LD_LIBRARY_PATH": f"{PACKAGE}/lib",
        "FI_PROVIDER_PATH": f"{PACKAGE}/lib/prov",
    }


def test_no_libraries_no_variable() -> None:
    assert "LD_LIBRARY_PATH" not in bindings_environment(PACKAGE, existing().__contains__, {})


def test_no_providers_no_variable_and_the_user_wins() -> None:
    assert "FI_PROVIDER_PATH" not in bindings_environment(PACKAGE, existing("lib").__contains__, {})
    there = existing("lib", "lib/prov")
    assert "FI_PROVIDER_PATH" not in bindings_environment(PACKAGE, there.__contains__, {"FI_PROVIDER_PATH": "/x"})


def test_workers_are_pinned_to_cpus_that_may_be_used() -> None:
    assert single_host_environment((4, 5, 6), 2, {})["CCL_WORKER_AFFINITY"] == "6,5"
    assert single_host_environment((4,), 3, {})["CCL_WORKER_AFFINITY"] == "4,4,4"
    assert "CCL_WORKER_AFFINITY" not in single_host_environment((), 2, {})
    assert "CCL_WORKER_AFFINITY" not in single_host_environment((0, 1), 2, {"CCL_WORKER_COUNT": "4"})


def test_what_the_user_set_stays() -> None:
    env = single_host_environment((0,), 2, {"FI_PROVIDER": "verbs", "CCL_KVS_IFACE": "eth0"})
    assert (env["FI_PROVIDER"], env["CCL_KVS_IFACE"], env["CCL_ATL_TRANSPORT"]) == ("verbs", "eth0", "ofi")


def test_oneccl_is_made_to_tell_its_version() -> None:
    assert single_host_environment((0,), 2, {"CCL_LOG_LEVEL": "error"})["CCL_LOG_LEVEL"] == "info"
    assert single_host_environment((0,), 2, {"CCL_LOG_LEVEL": "trace"})["CCL_LOG_LEVEL"] == "trace"
