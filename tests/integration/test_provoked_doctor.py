"""Broken environments and shells, made for real: `doctor` finds what is wrong with them before anything fails."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.overlays import make_overlay, pip
from tests.integration.provocations_intel import SET_UP
from tests.integration.provoked_places import Places, ended_in

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tests.integration.conftest import Environment, EnvironmentFactory
    from tests.integration.provocation import Around

pytestmark = pytest.mark.slow

LIMIT_S = 300


@dataclass(frozen=True, kw_only=True, slots=True)
class State:
    """One thing that is wrong, and how `doctor` calls it."""

    name: str
    ids: frozenset[str]
    """All of them are found."""
    where: str
    env: Mapping[str, str] = field(default_factory=dict)
    """Variables; ``$NAME`` in their values is filled in."""
    around: Around | None = None
    deep: bool = False
    """Whether it wants `--deep`: only an import, or two ranks, show it."""
    error: bool = True
    """Whether one of them is an error, so that the exit code is 1."""


_MPI = SET_UP["LD_LIBRARY_PATH"].partition("/lib:")[0]
_OLD_PAIRS = {"1.12.0": "native213", "2.6.0": "native213"}

STATES = (
    *(
        State(name=f"IPEX {version}", ids=frozenset({"torch", "ipex-end-of-life"}), where=f"ipex {version} over {base}")
        for version, base in _OLD_PAIRS.items()
    ),
    State(
        name="IPEX 1.11.0",
        ids=frozenset({"torch", "ipex-other-library"}),
        where="ipex 1.11.0 over torch1121-bare",
        deep=True,
    ),
    State(name="IPEX 2.5.0", ids=frozenset({"torch"}), where="ipex 2.5.0 over native213"),
    State(name="IPEX 2.8.0", ids=frozenset({"torch"}), where="ipex 2.8.0 over native213", deep=True),
    State(
        name="another C++ ABI",
        ids=frozenset({"torch", "cxx11-abi"}),
        where="ipex 2.5.0 over torch27-bare without its guard",
        deep=True,
    ),
    State(name="numpy 2", ids=frozenset({"numpy"}), where="numpy 2.2.6 over torch1121-bare"),
    State(
        name="LD_PRELOAD of a missing file",
        ids=frozenset({"preload-missing"}),
        where="native213",
        env={"LD_PRELOAD": "/nowhere/libiomp5.so"},
        error=False,
    ),
    State(
        name="I_MPI_ROOT leads nowhere",
        ids=frozenset({"path-missing"}),
        where="bridge",
        env={"I_MPI_ROOT": "/nowhere/mpi"},
    ),
    State(
        name="I_MPI_ROOT unset",
        ids=frozenset({"i-mpi-root-unset"}),
        where="torch27",
        env={**SET_UP, "CCL_ATL_TRANSPORT": "mpi"},
    ),
    State(name="no libmpi", ids=frozenset({"libmpi-missing"}), where="bridge", env={"CCL_ATL_TRANSPORT": "mpi"}),
    State(
        name="no mpirun",
        ids=frozenset({"mpirun-missing"}),
        where="bridge",
        env={"CCL_ATL_TRANSPORT": "mpi", "PATH": "/nowhere"},
        error=False,
    ),
    State(
        name="FI_PROVIDER names none",
        ids=frozenset({"fi-provider"}),
        where="bridge",
        env={"FI_PROVIDER": "nonesuch"},
    ),
    State(
        name="FI_PROVIDER_PATH leads nowhere",
        ids=frozenset({"path-missing"}),
        where="bridge",
        env={"FI_PROVIDER_PATH": "/nowhere/prov"},
    ),
    State(
        name="an interface that is not there",
        ids=frozenset({"interface-missing"}),
        where="bridge",
        env={"CCL_KVS_IFACE": "nowhere9"},
    ),
    State(
        name="gloo's interface that is not there",
        ids=frozenset({"interface-missing"}),
        where="native213",
        env={"GLOO_SOCKET_IFNAME": "nowhere9"},
    ),
    State(
        name="workers outside the cpuset",
        ids=frozenset({"workers-outside"}),
        where="bridge",
        env={"CCL_WORKER_AFFINITY": "$OTHER_CPU,$OTHER_CPU"},
        around="one cpu",
    ),
    State(
        name="small shared memory",
        ids=frozenset({"shm-small"}),
        where="native213",
        around="small shared memory",
        error=False,
    ),
    State(
        name="MPI without mpirun",
        ids=frozenset({"transport-without-launcher"}),
        where="bridge",
        env={"CCL_ATL_TRANSPORT": "mpi"},
        error=False,
    ),
    State(
        name="a thread limit",
        ids=frozenset({"thread-limit"}),
        where="native213",
        env={"OMP_THREAD_LIMIT": "1", "OMP_NUM_THREADS": "2"},
    ),
    State(
        name="another environment's setvars.sh",
        ids=frozenset({"other-environment"}),
        where="native213",
        env={"LD_LIBRARY_PATH": "/other/site-packages/intel_extension_for_pytorch/lib"},
    ),
    State(
        name="a bridge that lacks its libraries",
        ids=frozenset({"bridge-incomplete"}),
        where="bridge",
        env={"IPEXENV_BRIDGE_LIB": "$TMP"},
        deep=True,
    ),
    State(name="two libccl", ids=frozenset({"second-libccl"}), where="bridge over torch27", error=False),
    State(
        name="a level that is held down",
        ids=frozenset({"level-capped"}),
        where="torch28",
        env={"ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"},
        error=False,
    ),
)


@pytest.fixture(scope="module")
def places(
    environment: EnvironmentFactory, interpreter: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Places:
    return Places(environment=environment, interpreter=interpreter, folder=tmp_path_factory.mktemp, words={})


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.name)
def test_doctor_finds_what_is_a_state_of_environment_or_shell(state: State, places: Places, tmp_path: Path) -> None:
    words = "doctor --deep" if state.deep else "doctor"
    told = ipexenv(places, tmp_path, words, state.where, place=state.around, env=state.env)
    named = [finding for finding in told["data"]["findings"] if finding["id"] in state.ids]
    assert {finding["id"] for finding in named} == state.ids, told["data"]["findings"]
    assert all(finding["cure"] for finding in named), named
    if state.error:
        assert told["exit_code"] == 1
        assert "error" in {finding["severity"] for finding in named}, named


def test_nothing_of_all_this_is_found_where_nothing_is_wrong(places: Places, tmp_path: Path) -> None:
    told = ipexenv(places, tmp_path, "doctor --deep", "bridge")
    assert told["exit_code"] == 0, told["data"]["findings"]
    wrong = {"two-openmp", "two-libccl", "two-libfabric", "two-libmpi", *(id_ for state in STATES for id_ in state.ids)}
    machine = {"shm-small", "level-capped"}
    assert not ids(told) & (wrong - machine), told["data"]["findings"]


def test_fix_repairs_a_pair_and_rollback_brings_the_old_one_back(places: Places, tmp_path: Path) -> None:
    overlay = make_overlay(places.environment("torch27-bare"), tmp_path / "v")
    for project in ("intel_extension_for_pytorch==2.8.0", "psutil", "packaging"):
        pip(overlay.python, "install", "-q", "--no-deps", project)
    house = tmp_path / "house"
    pip(overlay.python, "download", "-q", "--no-deps", "-d", str(house), "intel_extension_for_pytorch==2.7.0")
    broken = ipexenv(places, tmp_path, "doctor")
    assert broken["exit_code"] == 1
    assert "torch" in ids(broken)
    repaired = ipexenv(places, tmp_path, "doctor --fix", env={"IPEXENV_SOURCE": str(house), "IPEXENV_OFFLINE": "1"})
    assert repaired["exit_code"] == 0, repaired["data"]
    assert "torch" in repaired["data"]["fix"]["repaired"]
    assert versions(overlay) == {"2.7.0"}
    imported = ended_in(
        places, None, tmp_path, "v/bin/python -c 'import intel_extension_for_pytorch'", env={}, limit_s=LIMIT_S
    )
    assert imported.returncode == 0, imported.stdout
    assert ipexenv(places, tmp_path, "rollback")["exit_code"] == 0
    assert versions(overlay) == {"2.8.0"}
    assert ids(ipexenv(places, tmp_path, "doctor")) == ids(broken)


def versions(overlay: Environment) -> set[str]:
    found = overlay.site_packages.glob("intel_extension_for_pytorch-*.dist-info")
    return {folder.name.removesuffix(".dist-info").partition("-")[2] for folder in found}


def ids(document: Mapping[str, Any]) -> set[str]:
    return {finding["id"] for finding in document["data"]["findings"]}


def ipexenv(
    places: Places,
    folder: Path,
    words: str,
    where: str | None = None,
    *,
    place: Around | None = None,
    env: Mapping[str, str] = MappingProxyType({}),
) -> Any:
    """Run a command of ipexenv on an environment, ``v`` in the folder unless ``where`` names one; return its JSON."""
    python = "v/bin/python" if where is None else "$PY"
    command = f"{sys.executable} -m ipexenv {words} --json -q --python {python} 2> aside.txt"
    settings = {"IPEXENV_CACHE_DIR": str(folder / "cache"), **env}
    ended = ended_in(places, where, folder, command, env=settings, place=place, limit_s=LIMIT_S)
    assert ended.stdout, (folder / "aside.txt").read_text(encoding="utf-8")
    return json.loads(ended.stdout)
