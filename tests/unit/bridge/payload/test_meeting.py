"""torch is told what the launcher knows, at the moment it asks, and nothing that somebody has set is changed."""

from __future__ import annotations

import os
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipexenv.bridge.payload.ipexenv_oneccl_bridge import rendezvous
from ipexenv.bridge.payload.ipexenv_oneccl_bridge.meeting import fill_torch_variables, first_of_hosts

TORCH = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")


def intel(rank: int = 0, size: int = 2, near: int = 2, job: str = "one") -> dict[str, str]:
    ranks = {"PMI_RANK": str(rank), "PMI_SIZE": str(size), "MPI_LOCALRANKID": "0", "MPI_LOCALNRANKS": str(near)}
    return {**ranks, "I_MPI_HYDRA_UUID": job}


def slurm(hosts: str, **more: str) -> dict[str, str]:
    ranks = {"SLURM_PROCID": "2", "SLURM_STEP_NUM_TASKS": "4", "SLURM_LOCALID": "0", "SLURM_NODEID": "1"}
    spread = {"SLURM_STEP_TASKS_PER_NODE": "2(x2)", "SLURM_GTIDS": "2,3", "SLURM_STEP_NODELIST": hosts}
    return {**ranks, **spread, "SLURM_JOB_ID": "17", "SLURM_STEP_ID": "0", **more}


def filled(environ: dict[str, str], asked: dict[str, str] | None = None) -> dict[str, str]:
    """Return what was added."""
    after = dict(environ)
    fill_torch_variables(after, asked)
    assert {name: after[name] for name in environ} == environ
    return {name: value for name, value in after.items() if name not in environ}


def test_on_one_host_everything_is_known() -> None:
    found = filled(intel(rank=1))
    assert list(found) == list(TORCH)
    assert list(found.values())[:5] == ["1", "2", "0", "2", "127.0.0.1"]
    assert 1024 < int(found["MASTER_PORT"]) < 32768


def test_all_ranks_of_a_job_get_one_port_and_another_job_another() -> None:
    ports = [filled(intel(rank=rank, job=job))["MASTER_PORT"] for job in ("one", "two") for rank in (0, 1)]
    assert ports[0] == ports[1] != ports[2] == ports[3]
    open_mpi = {"OMPI_COMM_WORLD_RANK": "0", "OMPI_COMM_WORLD_SIZE": "2", "OMPI_COMM_WORLD_LOCAL_SIZE": "2"}
    old, new = ("OMPI_MCA_ess_base_jobid", "PMIX_NAMESPACE")
    assert len({filled({**open_mpi, name: job})["MASTER_PORT"] for name in (old, new) for job in ("1", "2")}) == 2


def test_across_hosts_slurm_alone_says_where_rank_0_is() -> None:
    assert "MASTER_ADDR" not in filled(intel(size=4))
    assert "MASTER_PORT" in filled(intel(size=4))
    assert filled(slurm("node[07-08]"))["MASTER_ADDR"] == "node07"
    assert "MASTER_ADDR" not in filled(slurm("node[07-08]", SLURM_DISTRIBUTION="arbitrary"))
    assert "MASTER_ADDR" not in filled(slurm(""))


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("node1", "node1"),
        ("node1,node2", "node1"),
        ("node[1-4,7],login", "node1"),
        ("rack[2-4]n[07,09-12].site,login", "rack2n07.site"),
        ("[1-2]", "1"),
        ("", None),
        ("node[", None),
        ("$(x)", None),
    ],
)
def test_first_of_slurm_s_hosts(text: str, first: str | None) -> None:
    assert first_of_hosts(text) == first


@given(st.text(alphabet="ab[]-,.01 $", max_size=12))
def test_any_list_of_hosts_gives_a_name_or_none(text: str) -> None:
    found = first_of_hosts(text)
    assert found is None or (found and not set(found) & set("[], $"))


@pytest.mark.parametrize("given_by_user", [{"RANK": "1"}, {"WORLD_SIZE": "3"}, {"RANK": "0", "WORLD_SIZE": "3"}])
def test_nothing_is_mixed_from_two_jobs(given_by_user: dict[str, str]) -> None:
    assert filled({**intel(), **given_by_user}) == {}
    assert filled(intel(), given_by_user) == {}


def test_what_the_user_has_set_stays_and_what_is_empty_counts_as_unset() -> None:
    own = {"RANK": "0", "MASTER_PORT": "29501", "MASTER_ADDR": "10.0.0.1", "LOCAL_RANK": "1"}
    assert filled({**intel(), **own}).keys() == {"WORLD_SIZE", "LOCAL_WORLD_SIZE"}
    environ = {**intel(), "MASTER_ADDR": ""}
    fill_torch_variables(environ)
    assert environ["MASTER_ADDR"] == "127.0.0.1"


@pytest.mark.parametrize("environ", [{}, {"RANK": "0", "WORLD_SIZE": "2"}, {"SLURM_PROCID": "0", "SLURM_NTASKS": "2"}])
def test_without_a_launcher_s_word_nothing_is_set(environ: dict[str, str]) -> None:
    assert filled(environ) == {}


def test_a_shell_between_launcher_and_rank_changes_no_port() -> None:
    """Where a launcher names no job its process does: the first above this one without a rank."""
    ranks = {"PMI_RANK": "0", "PMI_SIZE": "1", "PATH": os.environ["PATH"]}
    module = "ipexenv.bridge.payload.ipexenv_oneccl_bridge.meeting"
    script = f"import os, {module} as m; m.fill_torch_variables(os.environ); print(os.environ['MASTER_PORT'])"
    direct = [sys.executable, "-c", script]
    shells = ["sh", "-c", 'sh -c \'"$0" -c "$1"; true\' "$0" "$1"; true', sys.executable, script]
    said = [
        subprocess.run(argv, env=ranks, capture_output=True, text=True, check=True).stdout for argv in (direct, shells)
    ]
    assert said[0] == said[1]


class Torch:
    """The part of torch's rendezvous module that knows who serves which kind of address."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.module = SimpleNamespace(_rendezvous_handlers={"env": self.serve, "tcp": self.serve})

    def serve(self, url: str, **_options: Any) -> str:
        self.asked.append(url)
        return "store"

    def ask(self, url: str) -> Any:
        return self.module._rendezvous_handlers["env"](url, timeout=1)


@pytest.fixture
def torch(monkeypatch: pytest.MonkeyPatch) -> Torch:
    fake = Torch()
    monkeypatch.setitem(sys.modules, "torch.distributed.rendezvous", fake.module)
    for name in (*TORCH, rendezvous.SWITCH):
        monkeypatch.delenv(name, raising=False)
    for name, value in intel(rank=1).items():
        monkeypatch.setenv(name, value)
    for name in TORCH:  # so that what is filled in goes with the test
        monkeypatch.setenv(name, "")
    return fake


def test_torch_s_variables_are_filled_when_it_asks_and_not_before(torch: Torch) -> None:
    rendezvous.fill_when_asked()
    rendezvous.fill_when_asked()
    assert os.environ["RANK"] == ""
    assert torch.ask("env://") == "store"
    assert torch.asked == ["env://"]
    assert (os.environ["RANK"], os.environ["WORLD_SIZE"]) == ("1", "2")


def test_a_program_that_names_its_ranks_itself_is_believed(torch: Torch) -> None:
    rendezvous.fill_when_asked()
    torch.ask("env://?rank=2&world_size=4")
    assert os.environ["RANK"] == ""
    torch.ask("env://?rank=1&world_size=2")
    assert os.environ["MASTER_ADDR"] == "127.0.0.1"


def test_the_switch_fills_early_or_never(torch: Torch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(rendezvous.SWITCH, "0")
    rendezvous.fill_when_asked()
    torch.ask("env://")
    assert os.environ["RANK"] == ""
    monkeypatch.setenv(rendezvous.SWITCH, "1")
    rendezvous.fill_when_asked()
    assert os.environ["RANK"] == "1"


def test_a_torch_that_keeps_its_handlers_elsewhere_is_told_at_once(torch: Torch) -> None:
    del torch.module._rendezvous_handlers
    rendezvous.fill_when_asked()
    assert os.environ["RANK"] == "1"
