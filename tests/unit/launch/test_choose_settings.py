from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ipexenv.facts import Topology
from ipexenv.launch.precedence import APPLIED
from ipexenv.launch.setting import HostPlacement, Libraries, RunWish
from ipexenv.launch.settings import choose_settings
from tests.machines import made, view

if TYPE_CHECKING:
    from collections.abc import Mapping

BIG = made(2, 28, threads=2)
INTEL = Libraries(openmp="gnu", iomp5="/env/lib/libiomp5.so", numactl=True)


def choose(
    topology: Topology, env: Mapping[str, str] | None = None, *, libraries: Libraries | None = None, **wish: Any
) -> HostPlacement:
    chosen = view(topology) if libraries is None else view(topology, libraries=libraries)
    return choose_settings(chosen, RunWish(**wish), env or {})


def common(placement: HostPlacement) -> dict[str, str]:
    return {setting.name: setting.value for setting in placement.settings}


def test_every_setting_has_a_reason() -> None:
    placement = choose(BIG, libraries=INTEL, provider="bindings", under_intel_mpi=True)
    settings = [*placement.settings, *(setting for rank in placement.ranks for setting in rank.settings)]
    assert len(settings) > 10
    assert all(setting.reason and not setting.by_user for setting in settings)


def test_the_users_variables_win_and_shape_the_rest() -> None:
    env = {"OMP_NUM_THREADS": "8", "CCL_WORKER_COUNT": "2"}
    placement = choose(BIG, env, provider="bindings", under_intel_mpi=True)
    assert [len(rank.compute_cpus) for rank in placement.ranks] == [8, 8]
    assert common(placement)["CCL_WORKER_AFFINITY"] == "0,1,28,29"
    assert {setting.name for setting in placement.settings if setting.by_user} == set(env)


def test_an_option_wins_over_a_variable() -> None:
    placement = choose(
        BIG, {"OMP_NUM_THREADS": "8", "CCL_WORKER_COUNT": "2"}, provider="bindings", threads=4, ccl_workers=1
    )
    assert common(placement)["OMP_NUM_THREADS"] == "4"
    assert common(placement)["CCL_WORKER_COUNT"] == "1"
    assert not any(setting.by_user for setting in placement.settings)


def test_a_value_that_cannot_be_kept_apart_is_told() -> None:
    placement = choose(BIG, {"CCL_WORKER_AFFINITY": "auto"}, provider="bindings")
    assert common(placement)["CCL_WORKER_AFFINITY"] == "auto"
    assert any(note.startswith("CCL_WORKER_AFFINITY=auto is yours and stays") for note in placement.notes)


def test_what_ipexenv_env_left_in_the_shell_is_no_wish() -> None:
    env = {"OMP_NUM_THREADS": "56", APPLIED: '{"OMP_NUM_THREADS":"56"}'}
    assert common(choose(BIG, env))["OMP_NUM_THREADS"] == "28"


def test_intels_openmp_in_place_of_gnus() -> None:
    placement = choose(BIG, libraries=INTEL)
    assert common(placement)["LD_PRELOAD"] == "/env/lib/libiomp5.so"
    assert common(placement)["KMP_BLOCKTIME"] == "1"
    assert placement.environment(1)["KMP_AFFINITY"] == "granularity=fine,compact,1,0"
    assert "OMP_SCHEDULE" not in common(placement)


def test_intels_openmp_keeps_off_the_workers_cores() -> None:
    placement = choose(made(1, 4), libraries=INTEL, provider="bridge", ranks_per_host=1, world_size=2, hosts=2)
    assert placement.ranks[0].cpus == (0, 1, 2, 3)
    assert placement.environment(0)["KMP_AFFINITY"] == "granularity=fine,proclist=[1,2,3],explicit"


def test_memory_is_bound_where_numactl_is_and_ranks_have_nodes_of_their_own() -> None:
    assert [rank.numa_nodes for rank in choose(BIG, libraries=INTEL).ranks] == [(0,), (1,)]
    assert [rank.numa_nodes for rank in choose(BIG).ranks] == [(), ()]
    assert choose(BIG, libraries=INTEL, ranks_per_host=1).ranks[0].numa_nodes == ()
    assert choose(made(2, 4, numa=False), libraries=INTEL).ranks[0].numa_nodes == ()


def test_unbound_ranks_keep_their_threads() -> None:
    placement = choose(BIG, libraries=INTEL, provider="bindings", bind=False, under_intel_mpi=True)
    assert [rank.cpus for rank in placement.ranks] == [(), ()]
    assert common(placement)["OMP_NUM_THREADS"] == "25"
    assert common(placement)["I_MPI_PIN"] == "0"
    assert "I_MPI_PIN_DOMAIN" not in common(placement)
    assert "KMP_AFFINITY" not in placement.environment(0)
    assert not any("bound" in note for note in placement.notes)


def test_a_quota_is_kept_and_no_cpu_is_claimed() -> None:
    placement = choose(made(2, 28, threads=2, quota=6.5), libraries=INTEL)
    assert common(placement)["OMP_NUM_THREADS"] == "6"
    assert placement.ranks[0].cpus == ()
    assert "the control group's quota grants 6 CPUs of 56 cores" in placement.notes
    assert "nothing is bound to CPUs: under a quota others may be bound to the same ones" in placement.notes


def test_a_quota_over_all_nodes_binds_to_nodes_not_to_cores() -> None:
    placement = choose(made(2, 28, quota=40), libraries=INTEL)
    assert [len(rank.cpus) for rank in placement.ranks] == [28, 28]
    assert [rank.numa_nodes for rank in placement.ranks] == [(0,), (1,)]
    assert common(placement)["OMP_NUM_THREADS"] == "20"


@pytest.mark.parametrize(
    ("topology", "wish", "note"),
    [
        (BIG, {}, "56 hyper-threads left idle: two on a core share its arithmetic (`--logical-cpus`)"),
        (made(1, 2), {"ranks_per_host": 3}, "3 ranks share 2 cores, which slows them down"),
        (made(1, 2), {"threads": 5}, "5 threads a rank share 2 CPUs, which slows them down"),
        (made(1, 7), {"ranks_per_host": 2}, "1 core left over, so that all 2 ranks have as many"),
        (made(2, 4, usable=range(7)), {}, "the ranks have 3 to 4 cores each; the others wait for the smallest"),
        (made(1, 8, quota=0.5), {}, "the control group's quota grants 1 CPU of 8 cores"),
        (
            Topology(usable_cpus=(0, 1, 2, 3), usable_cores=2),
            {},
            "nothing is bound: which logical CPUs share a core is not known here",
        ),
        (
            made(1, 2),
            {"provider": "bindings", "ccl_workers": 2},
            "2 oneCCL workers a rank share the CPUs that compute: as asked for; 2 cores a rank leave none to spare",
        ),
    ],
)
def test_notes(topology: Topology, wish: dict[str, Any], note: str) -> None:
    assert note in choose(topology, **wish).notes


def test_an_ordinary_machine_needs_no_note() -> None:
    assert choose(made(2, 4)).notes == ()


def test_a_thread_limit_of_the_user_caps_the_threads() -> None:
    placement = choose(made(1, 8), {"OMP_THREAD_LIMIT": "4"})
    assert common(placement)["OMP_NUM_THREADS"] == "4"
    assert any("OMP_THREAD_LIMIT=4" in note for note in placement.notes)
    assert choose(made(1, 8), {"OMP_THREAD_LIMIT": "64"}).notes == ()


def test_logical_cpus_are_computed_on_when_asked_for() -> None:
    placement = choose(made(1, 4, threads=2), logical_cpus=True)
    assert placement.ranks[0].compute_cpus == (0, 1, 2, 3, 4, 5, 6, 7)
    assert common(placement)["OMP_NUM_THREADS"] == "8"


def test_more_ranks_than_cores_use_hyper_threads_before_they_share() -> None:
    placement = choose(made(1, 2, threads=2), ranks_per_host=4)
    assert [rank.compute_cpus for rank in placement.ranks] == [(0,), (1,), (2,), (3,)]


def test_unlike_ranks_have_threads_of_their_own() -> None:
    placement = choose(made(2, 4, usable=range(7)))
    assert [placement.environment(rank)["OMP_NUM_THREADS"] for rank in (0, 1)] == ["4", "3"]


def test_bindings_that_share_cores_give_them_away_while_they_wait() -> None:
    shared = common(choose(made(1, 2), provider="bindings", ranks_per_host=2))
    assert (shared["CCL_YIELD"], shared["CCL_SPIN_COUNT"]) == ("sched_yield", "100")
    assert "CCL_YIELD" not in common(choose(BIG, provider="bindings"))


def test_the_bridge_chooses_for_itself_where_cores_are_scarce() -> None:
    found = common(choose(made(1, 2), provider="bridge", ranks_per_host=2))
    assert {name for name in found if name.startswith("CCL_")} == {"CCL_WORKER_COUNT"}
    assert common(choose(BIG, provider="bridge"))["CCL_WORKER_AFFINITY"] == "0,28"


def test_a_single_rank_on_several_hosts_still_communicates() -> None:
    placement = choose(made(1, 8), provider="bindings", hosts=2, world_size=2)
    assert common(placement)["OMP_NUM_THREADS"] == "7"
    assert "OMP_NUM_THREADS" in common(choose(made(1, 8), provider="bindings"))
    assert common(choose(made(1, 8), provider="bindings"))["OMP_NUM_THREADS"] == "8"
