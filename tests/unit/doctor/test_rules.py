"""The rules of `doctor`: each finds its trouble, and none finds any in a healthy environment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from packaging.version import Version

from ipexenv.doctor.examine import RULES, examine, from_checks
from ipexenv.doctor.finding import Finding, in_order
from ipexenv.doctor.sources import silent_sources
from ipexenv.doctor.surroundings import Limits, NetworkView, Surroundings
from ipexenv.facts import Cpu, Facts, Host, Installed, IsaLevel, Libc, Package, Target, Topology, TorchPackage
from ipexenv.system.world import World
from ipexenv.tables.load import load_tables
from ipexenv.tables.load_failures import load_failures
from ipexenv.verify.checks import Check
from tests.fakes import FakeHttp

if TYPE_CHECKING:
    from pathlib import Path

TABLES = load_tables()
NETWORK = NetworkView(host_name="node1", interfaces=("lo", "eth0"), with_address=("eth0",))
HEALTHY: dict[str, Any] = {"network": NETWORK, "limits": Limits(open_files=65536, processes=None)}
INTEL = "Intel(R) Xeon(R) Platinum 8480+"


def torch(version: str = "2.8.0", **more: Any) -> TorchPackage:
    return TorchPackage(name="torch", version=Version(version), installer="pip", cxx11_abi=True, **more)


def facts(*, topology: Topology | None = None, cpu: Cpu | None = None, target: Any = None, **installed: Any) -> Facts:
    return Facts(
        host=Host(
            libc=Libc(family="glibc", version=Version("2.36")),
            cpu=cpu or Cpu(isa=IsaLevel.AMX, model=INTEL, flags=("avx2", "fma")),
            topology=topology or Topology(logical_cpus=8, usable_cpus=tuple(range(8)), physical_cores=8),
            shm_bytes=8 << 30,
        ),
        target=Target(version=Version("3.11.7"), prefix="/venv", **(target or {})),
        installed=Installed(**{"torch": torch(), **installed}),
    )


def found(**changes: Any) -> list[tuple[str, str]]:
    seen = Surroundings(**{"facts": facts(), "env": {}, **HEALTHY, **changes})
    return [(finding.severity, finding.id) for rule in RULES for finding in rule(seen)]


def package(name: str, version: str) -> Package:
    return Package(name=name, version=Version(version), installer="pip")


def test_a_healthy_environment_has_no_findings() -> None:
    assert found() == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"env": {"LD_PRELOAD": "/x/a.so:/x/b.so"}, "missing_paths": {"/x/b.so"}}, ("warning", "preload-missing")),
        ({"env": {"LD_PRELOAD": "/x/a.so /x/b.so"}, "missing_paths": {"/x/b.so"}}, ("warning", "preload-missing")),
        ({"env": {"I_MPI_ROOT": "/opt/mpi"}, "missing_paths": {"/opt/mpi"}}, ("error", "path-missing")),
        ({"env": {"LD_LIBRARY_PATH": "/old/intel_extension_for_pytorch/lib"}}, ("error", "other-environment")),
        ({"hidden_by": (("torch", "/work"),)}, ("error", "module-hidden")),
        ({"env": {"CCL_KVS_IFACE": "eth9"}}, ("error", "interface-missing")),
        ({"env": {"OMP_NUM_THREADS": "56"}}, ("warning", "threads-exceed-cpus")),
        ({"env": {"OMP_THREAD_LIMIT": "2", "OMP_NUM_THREADS": "4"}}, ("error", "thread-limit")),
        ({"env": {"CCL_WORKER_AFFINITY": "7,55"}}, ("error", "workers-outside")),
        ({"env": {"CCL_ATL_TRANSPORT": "mpi"}}, ("warning", "transport-without-launcher")),
        ({"env": {"ATEN_CPU_CAPABILITY": "avx2"}}, ("warning", "level-capped")),
        ({"limits": Limits(open_files=1024)}, ("warning", "few-files")),
        ({"limits": Limits(processes=100)}, ("warning", "few-processes")),
        ({"network": NetworkView(resolves=False)}, ("warning", "name-unresolved")),
        ({"network": NetworkView(interfaces=("lo",))}, ("info", "loopback-alone")),
        ({"facts": facts(topology=Topology(cpu_quota=0.5))}, ("warning", "quota-below-core")),
        ({"facts": facts(ipex=package("intel_extension_for_pytorch", "2.8.0"))}, ("warning", "ipex-end-of-life")),
        ({"facts": facts(bindings=package("oneccl_bind_pt", "2.7.0"))}, ("info", "bindings-end-of-life")),
        ({"facts": facts(torch=torch(build="cu128")), "gpu_bytes": 5 << 30}, ("info", "cuda-build")),
        ({"facts": facts(target={"environment": "conda"})}, ("info", "conda-mix")),
        ({"facts": facts(target={"free_threaded": True})}, ("warning", "free-threaded")),
        (
            {"facts": facts(cpu=Cpu(isa=IsaLevel.AVX2, model=INTEL, flags=("hypervisor", "avx2")))},
            ("warning", "isa-masked"),
        ),
        ({"facts": facts(cpu=Cpu(isa=IsaLevel.DEFAULT, flags=("hypervisor",)))}, ("error", "isa-masked")),
    ],
    ids=lambda value: value[1] if isinstance(value, tuple) else "",
)
def test_each_rule_finds_its_trouble(changes: dict[str, Any], expected: tuple[str, str]) -> None:
    assert found(**changes) == [expected]


@pytest.mark.parametrize(
    "changes",
    [
        {"env": {"LD_PRELOAD": "libplain.so"}},
        {"env": {"LD_LIBRARY_PATH": "/venv/lib/intel_extension_for_pytorch/lib"}},
        {"env": {"CCL_KVS_IFACE": "eth0"}},
        {"env": {"CCL_ATL_TRANSPORT": "mpi", "PMI_RANK": "0"}},
        {"env": {"OMP_NUM_THREADS": "8", "OMP_THREAD_LIMIT": "8"}},
        {"env": {"OMP_NUM_THREADS": "4,2"}},
        {"env": {"CCL_WORKER_AFFINITY": "auto"}},
        {"env": {"ATEN_CPU_CAPABILITY": "default"}},
        {"network": NetworkView(interfaces=("lo",)), "env": {"CCL_KVS_IFACE": "lo"}},
    ],
)
def test_what_is_right_is_not_found(changes: dict[str, Any]) -> None:
    assert found(**changes) == []


def test_oneapi_of_the_system_stands_in_the_way_only_of_what_is_installed() -> None:
    env = {"ONEAPI_ROOT": "/opt/intel/oneapi", "LD_LIBRARY_PATH": "/opt/intel/oneapi/ccl/latest/lib"}
    assert found(env=env) == []
    with_bridge = facts(bridge=package("ipexenv-oneccl-bridge", "1"))
    assert found(env=env, facts=with_bridge) == [("warning", "system-oneapi")]


def test_a_broken_pair_is_an_error_with_the_command_that_mends_it() -> None:
    ipex = package("intel_extension_for_pytorch", "2.7.0")
    seen = Surroundings(facts=facts(ipex=ipex), env={}, target_words=" --venv x", **HEALTHY)
    first = examine(seen, TABLES)[0]
    assert (first.severity, first.id) == ("error", "torch")
    assert "ipexenv install --venv x" in (first.cure or "")
    assert "--allow-torch-change" not in first.install


def test_transformers_and_accelerate_that_do_not_train_together() -> None:
    there = facts(transformers=package("transformers", "5.1.0"), accelerate=package("accelerate", "0.20.0"))
    seen = Surroundings(facts=there, env={}, **HEALTHY)
    found = {finding.id: finding for finding in examine(seen, TABLES)}
    assert found["incompatible-pair"].severity == "warning"
    assert "accelerate" in (found["incompatible-pair"].cure or "")
    fitting = facts(transformers=package("transformers", "4.52.4"), accelerate=package("accelerate", "1.7.0"))
    assert "incompatible-pair" not in {
        finding.id for finding in examine(Surroundings(facts=fitting, env={}, **HEALTHY), TABLES)
    }


def test_sources_that_do_not_answer_are_named(tmp_path: Path) -> None:
    world = World(http=FakeHttp(), directory=tmp_path)
    found = list(silent_sources(world, TABLES))
    assert [finding.id for finding in found] == ["source-silent"] * sum(source.ask for source in TABLES.sources)
    assert "connection refused" in found[0].summary


def test_two_runtimes_in_one_process_are_named() -> None:
    seen = Surroundings(facts=facts(), env={}, **HEALTHY)
    libraries = ["/v/torch.libs/libgomp-a34b.so.1", "/usr/lib/libiomp5.so", "/v/lib/libccl.so.1"]
    check = Check(id="import", status="pass", detail="fine", measurements={"libraries": libraries})
    (finding,) = from_checks([check], seen, load_failures())
    assert (finding.id, finding.severity, finding.evidence) == ("two-openmp", "warning", tuple(libraries[:2]))


def test_findings_come_worst_first_and_once() -> None:
    info, error = Finding(id="a", severity="info", summary="x"), Finding(id="b", severity="error", summary="y")
    assert in_order((info, error, info)) == (error, info)


def test_a_failed_check_gets_the_cause_of_what_it_printed() -> None:
    check = Check(
        id="import",
        status="fail",
        detail="it ended with code 1",
        output="ImportError: libccl.so.1: cannot open shared object file: No such file or directory",
    )
    seen = Surroundings(facts=facts(), env={}, target_words=" --venv x", **HEALTHY)
    (finding,) = from_checks([check, Check(id="isa", status="pass", detail="fine")], seen, load_failures())
    assert (finding.id, finding.severity) == ("libccl-missing", "error")
    assert 'eval "$(ipexenv env --venv x)"' in (finding.cure or "")
