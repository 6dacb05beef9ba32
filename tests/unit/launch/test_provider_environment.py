from __future__ import annotations

from typing import Any

import pytest

from ipexenv.facts import Topology
from ipexenv.launch.provider_environment import (
    ASKED_FOLDERS,
    network_settings,
    package_settings,
    provider_settings,
    rank_settings,
    transport_of,
)
from ipexenv.launch.setting import HostView, RunWish, Setting
from tests.machines import view

PACKAGE = "/env/oneccl_bindings_for_pytorch"
NEW = frozenset(name for name in ASKED_FOLDERS if name not in {"lib/prov", "bin"})
OLD = frozenset({"lib", "lib/prov", "bin"})


def values(settings: tuple[Setting, ...]) -> dict[str, str]:
    return {setting.name: setting.value for setting in settings}


def host(**changes: Any) -> HostView:
    return view(Topology(), **changes)


def test_the_layout_since_2_4() -> None:
    mpi = f"{PACKAGE}/opt/mpi"
    assert values(package_settings(PACKAGE, NEW, {"LD_LIBRARY_PATH": "/mine", "PATH": "/bin"})) == {
        "CCL_ROOT": PACKAGE,
        "I_MPI_ROOT": mpi,
        "LD_LIBRARY_PATH": f"{PACKAGE}/lib:{mpi}/lib:{mpi}/libfabric/lib:/mine",
        "PATH": f"{mpi}/bin:/bin",
        "FI_PROVIDER_PATH": f"{mpi}/libfabric/lib/prov:/usr/lib64/libfabric",
    }


@pytest.mark.parametrize("package", [PACKAGE, "/env/torch_ccl"])
def test_the_layout_before_of_torch_ccl_too(package: str) -> None:
    assert values(package_settings(package, OLD, {})) == {
        "CCL_ROOT": package,
        "I_MPI_ROOT": package,
        "LD_LIBRARY_PATH": f"{package}/lib",
        "PATH": f"{package}/bin",
        "FI_PROVIDER_PATH": f"{package}/lib/prov",
    }


def test_doing_it_twice_is_doing_it_once() -> None:
    once = values(package_settings(PACKAGE, NEW, {"LD_LIBRARY_PATH": "/mine", "PATH": "/bin"}))
    assert values(package_settings(PACKAGE, NEW, once)) == once


def test_folders_that_are_not_there_are_not_named() -> None:
    assert values(package_settings(PACKAGE, frozenset(), {})) == {"CCL_ROOT": PACKAGE, "I_MPI_ROOT": PACKAGE}


@pytest.mark.parametrize(
    ("wish", "transport"),
    [
        (RunWish(), "ofi"),
        (RunWish(under_intel_mpi=True), "ofi"),
        (RunWish(hosts=2), "ofi"),
        (RunWish(hosts=2, under_intel_mpi=True), "mpi"),
        (RunWish(hosts=2, under_intel_mpi=True, transport="ofi"), "ofi"),
        (RunWish(transport="mpi"), "mpi"),
    ],
)
def test_transport(wish: RunWish, transport: str) -> None:
    assert transport_of(wish) == transport


def test_bindings_over_libfabric_learn_their_place_from_variables() -> None:
    wish = RunWish(provider="bindings")
    found = values(provider_settings(host(package_folder=PACKAGE, existing_folders=NEW), wish, {}))
    assert found["CCL_ROOT"] == PACKAGE
    assert (found["CCL_ATL_TRANSPORT"], found["CCL_PROCESS_LAUNCHER"], found["FI_PROVIDER"]) == ("ofi", "none", "tcp")
    assert values(rank_settings(wish, 1, 2)) == {"CCL_LOCAL_RANK": "1", "CCL_LOCAL_SIZE": "2"}


def test_bindings_over_mpi_learn_it_from_mpi() -> None:
    wish = RunWish(provider="bindings", transport="mpi")
    assert values(provider_settings(host(), wish, {})) == {"CCL_ATL_TRANSPORT": "mpi"}
    assert rank_settings(wish, 1, 2) == ()


def test_the_bridge_finds_almost_all_by_itself() -> None:
    assert provider_settings(host(), RunWish(provider="bridge"), {}) == ()
    wish = RunWish(provider="bridge", world_size=2)
    assert values(provider_settings(host(), wish, {})) == {"IPEXENV_BRIDGE_RANKS": "1"}
    assert rank_settings(wish, 0, 2) == ()


@pytest.mark.parametrize("provider", ["bridge", "none"])
def test_the_environments_own_mpi_unless_the_user_has_another(provider: str) -> None:
    wish = RunWish(provider=provider)  # type: ignore[arg-type]  # the names above
    own = host(mpi_root="/env")
    assert values(provider_settings(own, wish, {"PATH": "/bin"})) == {"I_MPI_ROOT": "/env", "PATH": "/env/bin:/bin"}
    assert provider_settings(own, wish, {"I_MPI_ROOT": "/opt/intel"}) == ()


def test_without_a_backend_ipex_may_bring_mpi() -> None:
    ipex = host(package_folder="/env/ipex", existing_folders=NEW)
    assert values(provider_settings(ipex, RunWish(), {}))["I_MPI_ROOT"] == "/env/ipex/opt/mpi"


@pytest.mark.parametrize(
    ("changes", "wish", "expected"),
    [
        ({}, RunWish(), {}),
        ({}, RunWish(world_size=2), {"GLOO_SOCKET_IFNAME": "lo"}),
        ({}, RunWish(provider="bindings"), {"CCL_KVS_IFACE": "lo", "FI_TCP_IFACE": "lo"}),
        ({}, RunWish(provider="bridge"), {}),
        ({}, RunWish(provider="bridge", hosts=2, world_size=2), {}),  # nobody knows: the bridge looks
        (
            {"interface": "eth1"},
            RunWish(provider="bridge", hosts=2, world_size=2),
            {"CCL_KVS_IFACE": "eth1", "FI_TCP_IFACE": "eth1", "GLOO_SOCKET_IFNAME": "eth1"},
        ),
        (
            {"interface": "ib0", "gloo_interface": "eth0"},
            RunWish(hosts=2, world_size=2),
            {"GLOO_SOCKET_IFNAME": "eth0"},
        ),
    ],
)
def test_interfaces(changes: dict[str, str], wish: RunWish, expected: dict[str, str]) -> None:
    assert values(network_settings(host(**changes), wish)) == expected
