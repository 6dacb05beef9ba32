"""What holds on any machine and for any wish."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from hypothesis import given
from hypothesis import strategies as st

from ipexenv.facts import ProcessingUnit, Topology
from ipexenv.launch.setting import Libraries, OpenMp, RunWish
from ipexenv.launch.settings import choose_settings
from ipexenv.probe.cpulist import parse_list
from tests.machines import view

if TYPE_CHECKING:
    from ipexenv.launch.setting import HostPlacement


@st.composite
def topologies(draw: st.DrawFn) -> Topology:
    """Draw any machine: nodes without units of their own, odd siblings, slow cores, cpusets, quotas."""
    count = draw(st.integers(1, 12))
    numbers = sorted(draw(st.sets(st.integers(0, 40), min_size=count, max_size=count)))
    lowest = {number: draw(st.sampled_from(numbers[: index + 1])) for index, number in enumerate(numbers)}
    cores = {number: core if lowest[core] == core else number for number, core in lowest.items()}
    nodes = {core: draw(st.none() | st.integers(0, 3)) for core in set(cores.values())}
    slow = draw(st.sets(st.sampled_from(sorted(set(cores.values())))))
    units = tuple(
        ProcessingUnit(
            unit=number,
            core=cores[number],
            socket=draw(st.none() | st.integers(0, 2)),
            numa_node=nodes[cores[number]],
            efficient=cores[number] in slow,
        )
        for number in numbers
    )
    usable = tuple(sorted(draw(st.sets(st.sampled_from(numbers), min_size=1))))
    quota = draw(st.none() | st.floats(0.1, 20))
    return Topology(units=units, usable_cpus=usable, cpu_quota=quota)


WISHES = st.builds(
    RunWish,
    ranks_per_host=st.none() | st.integers(1, 15),
    provider=st.sampled_from(["none", "bridge", "bindings"]),
    ccl_workers=st.none() | st.integers(0, 6),
    logical_cpus=st.booleans(),
    threads=st.none() | st.integers(1, 20),
    bind=st.booleans(),
    hosts=st.integers(1, 2),
    under_intel_mpi=st.booleans(),
)
LIBRARIES = st.builds(
    Libraries, openmp=st.none() | st.sampled_from(get_args(OpenMp)), iomp5=st.none() | st.just("/x/libiomp5.so")
)


def values(placement: HostPlacement) -> dict[str, Any]:
    return {setting.name: setting.value for setting in placement.settings}


@given(topologies(), WISHES, LIBRARIES)
def test_every_rank_has_a_place_and_threads(topology: Topology, wish: RunWish, libraries: Libraries) -> None:
    placement = choose_settings(view(topology, libraries=libraries), wish, {})
    assert len(placement.ranks) == (wish.ranks_per_host or len(placement.ranks))
    usable = set(topology.usable_cpus)
    for rank in placement.ranks:
        assert rank.compute_cpus
        assert {*rank.compute_cpus, *rank.cpus} <= usable
        assert not rank.cpus or set(rank.compute_cpus) <= set(rank.cpus)
        assert int(placement.environment(rank.local_rank)["OMP_NUM_THREADS"]) >= 1
    affinity = values(placement).get("CCL_WORKER_AFFINITY")
    if affinity is not None:
        assert (parse_list(affinity) or set()) <= usable
        assert len(affinity.split(",")) == len(placement.ranks) * int(values(placement)["CCL_WORKER_COUNT"])
    masks = values(placement).get("I_MPI_PIN_DOMAIN")
    assert masks is None or masks.count("0x") == len(placement.ranks)


@given(topologies(), WISHES)
def test_ranks_keep_apart_while_there_are_cores(topology: Topology, wish: RunWish) -> None:
    placement = choose_settings(view(topology), wish, {})
    claimed = [cpu for rank in placement.ranks for cpu in rank.cpus]
    cores = {unit.core for unit in topology.units if unit.unit in topology.usable_cpus and not unit.efficient}
    if len(placement.ranks) <= len(cores):
        assert len(claimed) == len(set(claimed))


@given(topologies(), WISHES)
def test_a_quota_is_never_exceeded_unasked(topology: Topology, wish: RunWish) -> None:
    placement = choose_settings(view(topology), wish, {})
    if topology.cpu_quota is not None and wish.threads is None and not wish.logical_cpus:
        threads = sum(int(placement.environment(rank.local_rank)["OMP_NUM_THREADS"]) for rank in placement.ranks)
        assert threads <= max(topology.cpu_quota, len(placement.ranks))
