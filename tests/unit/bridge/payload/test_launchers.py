"""Rank and size are found in what each launcher says, and nothing is made of nonsense."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipexenv.bridge.payload.ipexenv_oneccl_bridge import launchers
from ipexenv.bridge.payload.ipexenv_oneccl_bridge.launchers import NOWHERE, Place, place

TORCHRUN = {
    "RANK": "5",
    "WORLD_SIZE": "8",
    "LOCAL_RANK": "1",
    "LOCAL_WORLD_SIZE": "4",
    "TORCHELASTIC_RUN_ID": "none",
}
PLAIN = {"RANK": "1", "WORLD_SIZE": "2"}
INTEL = {
    "PMI_RANK": "3",
    "PMI_SIZE": "4",
    "MPI_LOCALRANKID": "1",
    "MPI_LOCALNRANKS": "2",
    "I_MPI_HYDRA_UUID": "6c730000-cd49-0afe-d460-06001cbb5034",
}
MPICH = {name: value for name, value in INTEL.items() if name != "I_MPI_HYDRA_UUID"}
OPEN_MPI = {
    "OMPI_COMM_WORLD_RANK": "2",
    "OMPI_COMM_WORLD_SIZE": "3",
    "OMPI_COMM_WORLD_LOCAL_RANK": "2",
    "OMPI_COMM_WORLD_LOCAL_SIZE": "3",
}
SRUN = {
    "SLURM_PROCID": "6",
    "SLURM_NTASKS": "7",
    "SLURM_STEP_NUM_TASKS": "7",
    "SLURM_LOCALID": "0",
    "SLURM_NODEID": "3",
    "SLURM_GTIDS": "6",
    "SLURM_STEP_TASKS_PER_NODE": "2(x3),1",
}
SRUN_PMI2 = {**SRUN, "PMI_RANK": "6", "PMI_SIZE": "7", "PMI_FD": "11"}
BATCH = {
    "SLURM_PROCID": "0",
    "SLURM_NTASKS": "2",
    "SLURM_NPROCS": "2",
    "SLURM_LOCALID": "0",
    "SLURM_NODEID": "0",
    "SLURM_GTIDS": "0",
    "SLURM_TASKS_PER_NODE": "2",
}
OUTER_STEP = {"SLURM_STEP_NUM_TASKS": "2", "SLURM_STEP_TASKS_PER_NODE": "2", "SLURM_STEP_ID": "0"}
PALS = {"PMI_RANK": "3", "PMI_SIZE": "4", "PMI_LOCAL_RANK": "1", "PMI_LOCAL_SIZE": "2"}


@pytest.mark.parametrize(
    ("environ", "found"),
    [
        ({}, NOWHERE),
        (TORCHRUN, Place("torchrun", 5, 8, 1, 4)),
        (PLAIN, Place("plain", 1, 2)),
        ({**PLAIN, "LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "1"}, Place("plain", 1, 2, 0, 1)),
        (INTEL, Place("intel-mpi", 3, 4, 1, 2)),
        (MPICH, Place("mpich", 3, 4, 1, 2)),
        (OPEN_MPI, Place("open-mpi", 2, 3, 2, 3)),
        (SRUN, Place("slurm", 6, 7, 0, 1)),
        (SRUN_PMI2, Place("slurm", 6, 7, 0, 1)),
        (PALS, Place("pmi", 3, 4, 1, 2)),
    ],
    ids=["nothing", "torchrun", "plain", "plain, local", "Intel", "MPICH", "Open MPI", "srun", "srun pmi2", "PALS"],
)
def test_every_launcher_s_own_variables(environ: dict[str, str], found: Place) -> None:
    assert place(environ) == found


@pytest.mark.parametrize(
    ("environ", "found"),
    [
        ({**BATCH, **INTEL}, Place("intel-mpi", 3, 4, 1, 2)),
        ({**SRUN, **INTEL}, Place("intel-mpi", 3, 4, 1, 2)),
        ({**SRUN, **OPEN_MPI}, Place("open-mpi", 2, 3, 2, 3)),
        ({**INTEL, "RANK": "3", "WORLD_SIZE": "4"}, Place("intel-mpi", 3, 4, 1, 2)),
        ({**INTEL, "RANK": "3"}, Place("intel-mpi", 3, 4, 1, 2)),
        ({**INTEL, "RANK": "3", "LOCAL_RANK": "0"}, Place("intel-mpi", 3, 4, 0, 2)),
        ({**INTEL, "RANK": "0", "WORLD_SIZE": "4"}, Place("plain", 0, 4)),
        ({**INTEL, **PLAIN}, Place("plain", 1, 2)),
        ({**INTEL, **TORCHRUN}, Place("torchrun", 5, 8, 1, 4)),
        ({**OPEN_MPI, "RANK": "9"}, NOWHERE),
    ],
    ids=[
        "mpirun in a batch job",
        "mpirun's helpers by srun",
        "Open MPI's daemons by srun",
        "a script that copies PMI_RANK",
        "half of it copied",
        "an own local rank",
        "ranks in an own order",
        "a job within a rank",
        "torchrun within mpirun",
        "half of another job",
    ],
)
def test_where_two_speak_the_one_that_started_this_job_counts(environ: dict[str, str], found: Place) -> None:
    assert place(environ) == found


def test_torchrun_s_word_stands_even_where_mpirun_happens_to_agree() -> None:
    agreeing = {**TORCHRUN, "RANK": "3", "WORLD_SIZE": "4", "LOCAL_RANK": "3", "LOCAL_WORLD_SIZE": "4"}
    assert place({**INTEL, **agreeing}) == Place("torchrun", 3, 4, 3, 4)


@pytest.mark.parametrize("more", [{}, OUTER_STEP], ids=["alone", "submitted within a step"])
def test_a_batch_script_of_slurm_is_no_rank(more: dict[str, str]) -> None:
    assert place({**BATCH, **more}) == NOWHERE


@pytest.mark.parametrize(
    ("more", "found"),
    [
        ({"PMI_RANK": "4"}, NOWHERE),
        ({"PMI_RANK": "-1"}, NOWHERE),
        ({"PMI_RANK": "x"}, NOWHERE),
        ({"PMI_RANK": ""}, NOWHERE),
        ({"PMI_RANK": "²"}, NOWHERE),
        ({"PMI_SIZE": "0"}, NOWHERE),
        ({"PMI_SIZE": "9" * 5000}, NOWHERE),
        ({"PMI_RANK": " 3 "}, Place("intel-mpi", 3, 4, 1, 2)),
    ],
)
def test_what_is_no_rank_of_that_size_is_left_out(more: dict[str, str], found: Place) -> None:
    assert place({**INTEL, **more}) == found


@pytest.mark.parametrize(
    "more",
    [
        {"OMPI_COMM_WORLD_LOCAL_RANK": "3"},
        {"OMPI_COMM_WORLD_LOCAL_SIZE": "0"},
        {"OMPI_COMM_WORLD_LOCAL_SIZE": "4"},
    ],
)
def test_a_local_part_that_cannot_be_is_left_out_alone(more: dict[str, str]) -> None:
    assert place({**OPEN_MPI, **more}) == Place("open-mpi", 2, 3)


def test_a_place_counts_only_in_the_job_that_it_is_of() -> None:
    assert launchers.place_among(INTEL, 3, 4) == Place("intel-mpi", 3, 4, 1, 2)
    assert launchers.place_among(INTEL, 0, 4) == NOWHERE
    assert launchers.place_among(INTEL, 3, 8) == NOWHERE


def test_mpi_needs_the_launcher_s_connection_to_be_open() -> None:
    reading, writing = os.pipe()
    environ = {**INTEL, "PMI_FD": str(reading)}
    try:
        assert launchers.has_intel_mpi(place(environ), environ)
        assert not launchers.has_intel_mpi(place(environ), INTEL)
        assert not launchers.has_intel_mpi(Place("mpich", 3, 4, 1, 2), environ)
    finally:
        os.close(reading)
        os.close(writing)
    assert not launchers.has_intel_mpi(place(environ), environ)


@pytest.mark.parametrize(
    ("text", "node", "tasks"),
    [
        ("2", 0, 2),
        ("2(x3),1", 2, 2),
        ("2(x3),1", 3, 1),
        ("2(x3),1", 4, None),
        ("999999999(x999999999)", 7, 999999999),
        ("", 0, None),
        ("2(x3", 0, None),
    ],
)
def test_slurm_s_tasks_for_each_node(text: str, node: int, tasks: int | None) -> None:
    assert launchers.tasks_on_node(text, node) == tasks


NAMES = sorted({*TORCHRUN, *INTEL, *OPEN_MPI, *SRUN_PMI2, *BATCH, *PALS})
VALUES = st.one_of(st.integers(-2, 9).map(str), st.text(max_size=6), st.sampled_from(["2(x3),1", "0,1", "٣", "1e3"]))


@given(st.dictionaries(st.sampled_from(NAMES), VALUES))
def test_whatever_the_variables_hold_a_place_is_one_that_can_be(environ: dict[str, str]) -> None:
    found = place(environ)
    if found.rank is None or found.size is None:
        assert found == NOWHERE
        return
    assert 0 <= found.rank < found.size
    if found.local_size is not None:
        assert 1 <= found.local_size <= found.size
    if found.local_rank is not None:
        assert 0 <= found.local_rank < (found.local_size or found.size)
