"""Settings against what Intel's and torch's launchers choose, and the OpenMP runtime that really gets loaded."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from ipexenv.launch.libraries import openmp_of
from ipexenv.launch.masks import cpu_list
from ipexenv.launch.setting import RunWish
from ipexenv.launch.settings import choose_settings
from ipexenv.probe.learnt import Learnt
from ipexenv.probe.topology import look_at_topology
from ipexenv.system.files import Tree
from ipexenv.system.kernel import LinuxKernel
from tests.integration.rival_settings import ANSWER
from tests.machines import DATA, extended_lscpu, made, parsable_lscpu, recorded, view

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ipexenv.facts import Topology

    class Environment(Protocol):
        @property
        def python(self) -> Path: ...
        @property
        def site_packages(self) -> Path: ...


pytestmark = pytest.mark.slow

PROGRAM = Path(__file__).with_name("rival_settings.py")
FILES = tuple(sorted((DATA / "settings").glob("*.json")))
COUNTS = [1, 4]
LOADED = """
import torch
torch.ones(1 << 20).add_(1).sum()
maps = {line.split()[-1] for line in open("/proc/self/maps") if "omp" in line}
print(*sorted(path for path in maps if ".so" in path))
"""

DATA_LOADER = """
import json, os, threading, torch
from torch.utils.data import DataLoader, Dataset

class Affinity(Dataset):
    def __len__(self):
        return 4
    def __getitem__(self, index):
        return torch.tensor(sorted(os.sched_getaffinity(0)))

if __name__ == "__main__":
    torch.randn(1 << 22).exp_()  # the OpenMP runtime is up and has its threads
    torch.set_num_interop_threads(1)
    found = [sorted(os.sched_getaffinity(0))]
    thread = threading.Thread(target=lambda: found.append(sorted(os.sched_getaffinity(0))))
    thread.start()
    thread.join()
    found += [row.tolist()[0] for row in DataLoader(Affinity(), batch_size=1, num_workers=1)]
    print(json.dumps(found))
"""


def ask(python: Path, orders: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    ended = subprocess.run(
        [str(python), str(PROGRAM)], input=json.dumps(orders), capture_output=True, text=True, check=True, timeout=300
    )
    answers: list[dict[str, Any]] = json.loads(ended.stdout.partition(ANSWER)[2])
    return answers


def order(machine: Topology) -> dict[str, Any]:
    return {"lscpu": extended_lscpu(machine), "parsable": parsable_lscpu(machine), "workers": COUNTS}


def test_the_recorded_choices_are_what_ipex_2_8_and_torch_2_8_choose(
    environment: Callable[[str], Environment],
) -> None:
    records = [json.loads(file.read_text("utf-8")) for file in FILES]
    names = [record["machine"] for record in records]
    machines = [recorded(DATA / name) if isinstance(name, str) else made(**name) for name in names]
    answers = ask(environment("torch28").python, [order(machine) for machine in machines])
    for file, record, answer in zip(FILES, records, answers, strict=True):
        assert answer["ipexrun"] == record["ipexrun"], file.stem
        assert [cpu_list(cpus) for cpus in answer["run_cpu"]] == record["run_cpu"], file.stem


def test_this_machine_is_used_as_ipexrun_uses_it(environment: Callable[[str], Environment]) -> None:
    """The launcher asks the real lscpu, and knows no affinity, quota or cpuset: without such both must agree."""
    machine = look_at_topology(Tree.at(Path("/")), LinuxKernel(), Learnt())
    unequal = machine.cpu_quota is not None or any(unit.numa_node is None for unit in machine.units)
    if unequal or len(machine.usable_cpus) != machine.logical_cpus:
        pytest.skip("this process may not use the whole machine, which the launcher does not notice")
    answer = ask(environment("torch28").python, [{**order(machine), "lscpu": "", "parsable": ""}])[0]
    for count, theirs in answer["ipexrun"].items():
        if "refusal" in theirs:
            continue
        wish = RunWish(provider="bindings", ccl_workers=int(count), under_intel_mpi=True)
        placement = choose_settings(view(machine), wish, {})
        ours = {setting.name: setting.value for setting in placement.settings}
        assert ours["I_MPI_PIN_DOMAIN"] == theirs["domain"]
        assert ours["CCL_WORKER_AFFINITY"] == theirs["affinity"]
        assert (ours["OMP_NUM_THREADS"], len(placement.ranks)) == (str(theirs["threads"]), theirs["ranks"])


@pytest.mark.parametrize("name", ["torch28", "torch1121", "native213"])
def test_the_openmp_that_torch_loads_is_the_one_that_its_files_tell(
    name: str, environment: Callable[[str], Environment]
) -> None:
    target = environment(name)
    ended = subprocess.run(
        [str(target.python), "-c", LOADED], capture_output=True, text=True, check=True, timeout=300, env={}
    )
    loaded = [Path(path).name for path in ended.stdout.split()]
    runtime = openmp_of(str(target.site_packages), [], {})
    assert runtime == "gnu"
    assert all(file.startswith("libgomp") for file in loaded)
    assert loaded


def test_data_loaders_and_threads_keep_all_cpus_of_their_rank(
    environment: Callable[[str], Environment], tmp_path: Path
) -> None:
    machine = look_at_topology(Tree.at(Path("/")), LinuxKernel(), Learnt())
    target = environment("native213")
    openmp = openmp_of(str(target.site_packages), [], {})
    placement = choose_settings(view(machine, openmp=openmp), RunWish(ranks_per_host=1), {})
    (tmp_path / "loader.py").write_text(DATA_LOADER, encoding="utf-8")
    ended = subprocess.run(
        [str(target.python), "-W", "ignore", "loader.py"],
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
        env=placement.environment(0),
        cwd=tmp_path,
    )
    told = json.loads(ended.stdout)
    assert told == [list(machine.usable_cpus)] * len(told)
