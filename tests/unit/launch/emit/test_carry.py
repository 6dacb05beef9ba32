"""Job files take what holds on any node, and leave to the node what it alone knows."""

from __future__ import annotations

import pytest

from ipexenv.launch.emit.carry import carry_over
from tests.unit.launch.emit.making import PACKAGE, placement, setting


def test_counts_and_policies_are_taken_with_their_reasons() -> None:
    chosen = (setting("OMP_NUM_THREADS", "24"), setting("KMP_AFFINITY", "granularity=fine,compact,1,0"))
    carried = carry_over(placement(*chosen), package_folder=None, containers=True)
    assert carried.environment == chosen
    assert carried.notes == ()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CCL_WORKER_AFFINITY", "0,28"),
        ("GOMP_CPU_AFFINITY", "1-27"),
        ("I_MPI_PIN_DOMAIN", "[0xfe]"),
        ("KMP_AFFINITY", "granularity=fine,proclist=[1,2],explicit"),
        ("OMP_PLACES", "{1},{2}"),
        ("MASTER_ADDR", "10.0.0.1"),
        ("RANK", "0"),
        ("CCL_LOCAL_RANK", "0"),
        ("GLOO_SOCKET_IFNAME", "eno1"),
        ("CCL_KVS_IFACE", "eno1"),
    ],
)
def test_what_belongs_to_one_host_is_left_out_and_said_where_it_was_the_user_s(name: str, value: str) -> None:
    chosen = carry_over(placement(setting(name, value)), package_folder=None, containers=False)
    assert (chosen.environment, chosen.notes) == ((), ())
    given = carry_over(placement(setting(name, value, by_user=True)), package_folder=None, containers=False)
    assert given.environment == ()
    assert f"{name}={value}" in given.notes[0]


def test_places_without_numbers_are_taken() -> None:
    carried = carry_over(placement(setting("OMP_PLACES", "cores")), package_folder=None, containers=True)
    assert [kept.value for kept in carried.environment] == ["cores"]


def test_paths_of_this_machine_stay_out_of_containers_alone() -> None:
    chosen = placement(setting("I_MPI_ROOT", "/opt/mpi"), setting("FI_PROVIDER_PATH", "a:/opt/mpi/lib"))
    assert len(carry_over(chosen, package_folder=None, containers=False).environment) == 2
    inside = carry_over(chosen, package_folder=None, containers=True)
    assert inside.environment == ()
    assert [note.split()[0] for note in inside.notes] == ["I_MPI_ROOT", "FI_PROVIDER_PATH"]


def test_the_user_s_own_paths_are_taken_with_a_note() -> None:
    carried = carry_over(
        placement(setting("MALLOC_CONF", "a:b", by_user=True), setting("FOO", "/x", by_user=True)),
        package_folder=None,
        containers=True,
    )
    assert [kept.name for kept in carried.environment] == ["MALLOC_CONF", "FOO"]
    assert [note.split()[0] for note in carried.notes] == ["FOO"]


def test_the_folder_of_the_package_is_found_on_the_node() -> None:
    chosen = placement(setting("LD_LIBRARY_PATH", f"{PACKAGE}/lib:{PACKAGE}/opt"))
    carried = carry_over(chosen, package_folder=PACKAGE, containers=False)
    assert carried.environment == ()
    assert carried.relative == (("LD_LIBRARY_PATH", "{package}/lib:{package}/opt"),)


def test_preloaded_libraries_go_by_their_names() -> None:
    chosen = placement(setting("LD_PRELOAD", "/usr/lib/libtcmalloc.so.4:/home/me/env/lib/libiomp5.so"))
    carried = carry_over(chosen, package_folder=None, containers=True)
    assert carried.preload == ("libtcmalloc.so.4", "libiomp5.so")
    assert carried.environment == ()


def test_of_the_ranks_own_settings_those_are_taken_that_all_have_alike() -> None:
    own = [
        [setting("OMP_NUM_THREADS", "3"), setting("X", str(rank)), *([setting("ONLY", "1")] if rank else [])]
        for rank in range(2)
    ]
    chosen = placement(setting("OMP_NUM_THREADS", "9"), setting("X", "z"), setting("Y", "1"), ranks=2, own=own)
    carried = carry_over(chosen, package_folder=None, containers=True)
    assert {kept.name: kept.value for kept in carried.environment} == {"Y": "1", "OMP_NUM_THREADS": "3"}


def test_loopback_is_on_every_node() -> None:
    carried = carry_over(placement(setting("GLOO_SOCKET_IFNAME", "lo")), package_folder=None, containers=True)
    assert [kept.value for kept in carried.environment] == ["lo"]


def test_lists_of_paths_hold_what_lies_in_the_package_alone() -> None:
    chosen = placement(setting("PATH", f"{PACKAGE}/bin:/home/me/bin:/usr/bin"))
    assert carry_over(chosen, package_folder=PACKAGE, containers=True).relative == (("PATH", "{package}/bin"),)
