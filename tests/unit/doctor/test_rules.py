"""The rules of `doctor`: each finds its trouble, and none finds any in a healthy environment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ipexenv.doctor.examine import RULES, examine
from ipexenv.doctor.finding import Finding, in_order, merged
from ipexenv.doctor.sources import silent_sources
from ipexenv.doctor.surroundings import LibraryUse, Limits, NetworkView, SshKey, SshView, TransportView
from ipexenv.facts import Cpu, IsaLevel, Topology
from ipexenv.system.http import UnreachableError
from ipexenv.system.world import World
from ipexenv.tables.load import load_tables
from ipexenv.tables.load_failures import load_failures
from tests.fakes import FakeHttp
from tests.unit.doctor.surroundings import INTEL, facts, package, surroundings, torch

if TYPE_CHECKING:
    from pathlib import Path

    from ipexenv.system.http import Page

TABLES = load_tables()
FAILURES = load_failures()
SSH = SshView(
    hosts=("node2",), named_by="--hostfile hosts", client="/usr/bin/ssh", keys=(SshKey(path="/k", mode=0o600),)
)
BRIDGED = facts(bridge=package("ipexenv-oneccl-bridge", "1"))
STACKED = LibraryUse(package="IPEX", path="/venv/ipex.so", executable_stack=True)


def found(**changes: Any) -> list[tuple[str, str]]:
    seen = surroundings(**changes)
    return [(finding.severity, finding.id) for rule in RULES for finding in rule(seen)]


def test_a_healthy_environment_has_no_findings() -> None:
    assert found() == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"env": {"LD_PRELOAD": "/x/a.so:/x/b.so"}, "missing_paths": {"/x/b.so"}}, ("warning", "preload-missing")),
        ({"env": {"LD_PRELOAD": "/x/a.so /x/b.so"}, "missing_paths": {"/x/b.so"}}, ("warning", "preload-missing")),
        ({"env": {"I_MPI_ROOT": "/opt/mpi"}, "missing_paths": {"/opt/mpi"}}, ("error", "path-missing")),
        ({"env": {"LD_LIBRARY_PATH": "/old/intel_extension_for_pytorch/lib"}}, ("error", "other-environment")),
        ({"hidden_by": (("torch", "/x"),)}, ("warning", "module-hidden")),
        ({"hidden_by": (("torch", "/x"),), "env": {"PYTHONPATH": "/y:/x"}}, ("error", "module-hidden")),
        ({"env": {"CCL_KVS_IFACE": "eth9"}}, ("error", "interface-missing")),
        ({"env": {"OMP_NUM_THREADS": "56"}}, ("warning", "threads-exceed-cpus")),
        ({"env": {"OMP_THREAD_LIMIT": "2", "OMP_NUM_THREADS": "4"}}, ("error", "thread-limit")),
        ({"env": {"CCL_WORKER_AFFINITY": "7,55"}}, ("error", "workers-outside")),
        ({"env": {"CCL_ATL_TRANSPORT": "mpi"}}, ("warning", "transport-without-launcher")),
        ({"env": {"ATEN_CPU_CAPABILITY": "avx2"}}, ("warning", "level-capped")),
        ({"facts": facts(shm_bytes=64 << 20)}, ("warning", "shm-small")),
        ({"facts": facts(shm_bytes=65536)}, ("warning", "shm-small")),
        ({"limits": Limits(open_files=1024)}, ("warning", "few-files")),
        ({"limits": Limits(processes=100)}, ("warning", "few-processes")),
        ({"network": NetworkView(resolves=False)}, ("warning", "name-unresolved")),
        ({"network": NetworkView(interfaces=("lo",))}, ("info", "loopback-alone")),
        ({"facts": facts(topology=Topology(cpu_quota=0.5))}, ("warning", "quota-below-core")),
        ({"facts": facts(ipex=package("intel_extension_for_pytorch", "2.8.0"))}, ("warning", "ipex-end-of-life")),
        ({"facts": facts(bindings=package("oneccl_bind_pt", "2.7.0"))}, ("info", "bindings-end-of-life")),
        ({"facts": facts(target={"environment": "conda"})}, ("info", "conda-mix")),
        ({"facts": facts(target={"free_threaded": True})}, ("warning", "free-threaded")),
        (
            {"facts": facts(cpu=Cpu(isa=IsaLevel.AVX2, model=INTEL, flags=("hypervisor", "avx2")))},
            ("warning", "isa-masked"),
        ),
        ({"facts": facts(cpu=Cpu(isa=IsaLevel.DEFAULT, flags=("hypervisor",)))}, ("error", "isa-masked")),
        ({"facts": facts(cpu=Cpu(isa=IsaLevel.AVX512_BF16, model=INTEL, flags=("avx512f",)))}, ("info", "amx-masked")),
        (
            {"facts": facts(cpu=Cpu(isa=IsaLevel.AVX512_BF16, flags=("amx_tile",), amx_permitted=False))},
            ("warning", "amx-refused"),
        ),
        (
            {"facts": facts(topology=Topology(logical_cpus=64, usable_cores=32, cpu_quota=4.0))},
            ("warning", "quota-unseen"),
        ),
        (
            {
                "limits": Limits(locked_bytes=65536),
                "env": {"FI_PROVIDER": "verbs;ofi_rxm"},
                "transport": TransportView(has_fabric=True),
            },
            ("warning", "locked-memory"),
        ),
        ({"ssh": SshView(hosts=("node2",), named_by="--hostfile hosts")}, ("error", "ssh-missing")),
        ({"env": {"I_MPI_HYDRA_BOOTSTRAP": "ssh"}}, ("error", "ssh-missing")),
        ({"ssh": SshView(client="/ssh", keys=(SshKey(path="/k", mode=0o644),))}, ("warning", "ssh-key-open")),
        ({"ssh": SshView(hosts=("node2",), named_by="x", client="/ssh")}, ("warning", "ssh-asks")),
        (
            {"ssh": SshView(hosts=("n",), client="/ssh", keys=(SshKey(path="/k", mode=0o600, locked=True),))},
            ("warning", "ssh-asks"),
        ),
        (
            {"ssh": SshView(hosts=("n", "m"), client="/ssh", agent_keys=1, unknown_hosts=("n", "m"))},
            ("warning", "ssh-host-unknown"),
        ),
        (
            {"network": NetworkView(interfaces=("lo", "docker0", "eth0"), with_address=("docker0", "eth0"))},
            ("warning", "interface-choice"),
        ),
        (
            {"network": NetworkView(interfaces=("lo", "eth0", "ib0"), with_address=("eth0", "ib0"))},
            ("info", "interface-choice"),
        ),
        (
            {"network": NetworkView(interfaces=("lo", "wlo1"), with_address=("wlo1",))},
            ("warning", "interface-passed-over"),
        ),
        (
            {
                "network": NetworkView(interfaces=("lo", "eth0", "ib0"), with_address=("eth0",)),
                "env": {"CCL_KVS_IFACE": "ib0"},
            },
            ("error", "interface-without-address"),
        ),
        (
            {"libraries": (LibraryUse(package="IPEX", path="/x.so", not_found=("libpython3.11.so.1.0",)),)},
            ("error", "library-missing"),
        ),
        ({"libraries": (STACKED,)}, ("info", "execstack")),
        ({"libraries": (STACKED,), "facts": facts(glibc="2.41")}, ("error", "execstack")),
        (
            {
                "libraries": (
                    LibraryUse(package="torch", path="/t.so", openmp="libgomp.so.1"),
                    LibraryUse(package="IPEX", path="/i.so", openmp="libiomp5.so"),
                )
            },
            ("warning", "two-openmp"),
        ),
        ({"env": {"FI_PROVIDER": "vrebs"}}, ("error", "fi-provider")),
        ({"env": {"FI_PROVIDER": "verbs;ofi_rxm"}}, ("error", "fi-provider")),
        ({"env": {"FI_PROVIDER": "shm"}}, ("error", "fi-provider")),
        (
            {
                "env": {"FI_PROVIDER": "verbs"},
                "transport": TransportView(providers=("tcp",), providers_in="/lib", has_fabric=True),
            },
            ("error", "fi-provider"),
        ),
        (
            {
                "env": {"CCL_ATL_TRANSPORT": "mpi", "PMI_RANK": "0"},
                "transport": TransportView(old_oneccl="/x/libccl.so.1"),
            },
            ("error", "i-mpi-root-unset"),
        ),
        (
            {
                "env": {"CCL_ATL_TRANSPORT": "mpi", "PMI_RANK": "0"},
                "transport": TransportView(libmpi=False, mpirun=False),
                "facts": BRIDGED,
            },
            ("error", "libmpi-missing"),
        ),
        (
            {
                "env": {"CCL_ATL_TRANSPORT": "ofi"},
                "transport": TransportView(libfabric=False, old_oneccl="/x/libccl.so.1"),
            },
            ("error", "libfabric-missing"),
        ),
        ({"env": {"WORLD_SIZE": "4", "RANK": "0"}}, ("warning", "rank-left-over")),
        ({"transport": TransportView(taken_port=29500)}, ("warning", "port-taken")),
        ({"free_bytes": (("/site", 5 << 30), ("/tmp", 1 << 20))}, ("warning", "disk-low")),
        ({"env": {"KMP_DUPLICATE_LIB_OK": "TRUE"}}, ("warning", "openmp-silenced")),
        (
            {"on_path": (("libmpi", "/opt/mpi/libmpi.so.12"),), "own_copies": (("libmpi", "/venv/libmpi.so.12"),)},
            ("warning", "two-libmpi"),
        ),
        (
            {"mpirun": "/usr/bin/orterun", "facts": facts(bridge=package("ipexenv-oneccl-bridge", "1"))},
            ("info", "open-mpi-first"),
        ),
    ],
    ids=lambda value: value[1] if isinstance(value, tuple) else "",
)
def test_each_rule_finds_its_trouble(changes: dict[str, Any], expected: tuple[str, str]) -> None:
    (finding,) = [finding for rule in RULES for finding in rule(surroundings(**changes))]
    assert (finding.severity, finding.id) == expected
    assert finding.evidence, "it says what was seen"
    assert finding.cause, "it says why"
    assert finding.cure, "it says what to do"


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
        {"ssh": SSH},
        {"env": {"FI_PROVIDER_PATH": "/there:/gone"}, "missing_paths": {"/gone"}},
        {"env": {"FI_PROVIDER": "tcp;ofi_rxm"}},
        {"env": {"FI_PROVIDER": "^psm3"}},
        {"env": {"FI_PROVIDER": "verbs,tcp"}},
        {"env": {"FI_PROVIDER": "psm3"}, "transport": TransportView(has_fabric=True)},
        {"env": {"WORLD_SIZE": "4", "RANK": "0", "TORCHELASTIC_RUN_ID": "x"}},
        {"env": {"WORLD_SIZE": "1", "RANK": "0", "LOCAL_RANK": "0"}},
        {
            "env": {"CCL_ATL_TRANSPORT": "mpi", "PMI_RANK": "0", "I_MPI_ROOT": "/opt/mpi"},
            "transport": TransportView(old_oneccl="/x/libccl.so.1"),
        },
        {
            "env": {"FI_PROVIDER": "ofi_rxm;verbs"},
            "transport": TransportView(providers=("verbs", "rxm"), providers_in="/lib", has_fabric=True),
        },
        {"env": {"CCL_ATL_TRANSPORT": "ofi"}, "transport": TransportView(libfabric=False)},
        {"transport": TransportView(libfabric=False, libmpi=False, mpirun=False), "facts": BRIDGED},
        {"ssh": SshView(hosts=("node2",)), "env": {"I_MPI_HYDRA_BOOTSTRAP": "slurm"}},
        {"ssh": SshView(hosts=("n",), client="/ssh", agent_keys=1, keys=(SshKey(path="/k", mode=0o600, locked=True),))},
        {"facts": facts(topology=Topology(logical_cpus=64, cpu_quota=4.0)), "env": {"OMP_NUM_THREADS": "4"}},
        {"limits": Limits(locked_bytes=65536), "env": {"FI_PROVIDER": "tcp"}},
        {"mpirun": "/usr/bin/orterun"},
        {"mpirun": "/opt/intel/bin/mpirun", "facts": facts(bridge=package("ipexenv-oneccl-bridge", "1"))},
        {"on_path": (("libmpi", "/opt/mpi/libmpi.so.12"),)},
        {
            "libraries": (
                LibraryUse(package="torch", path="/t.so", openmp="libgomp.so.1"),
                LibraryUse(package="IPEX", path="/i.so", openmp="libiomp5.so"),
            ),
            "env": {"LD_PRELOAD": "/venv/lib/libiomp5.so"},
        },
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
    seen = surroundings(facts=facts(ipex=ipex), target_words=" --venv x")
    first = examine(seen, TABLES)[0]
    assert (first.severity, first.id) == ("error", "torch")
    assert "ipexenv install --venv x" in (first.cure or "")
    assert "--allow-torch-change" not in first.install


def test_transformers_and_accelerate_that_do_not_train_together() -> None:
    there = facts(transformers=package("transformers", "5.1.0"), accelerate=package("accelerate", "0.20.0"))
    seen = surroundings(facts=there)
    found = {finding.id: finding for finding in examine(seen, TABLES)}
    assert found["incompatible-pair"].severity == "warning"
    assert found["incompatible-pair"].evidence[:2] == ("transformers 5.1.0", "accelerate 0.20.0")
    assert "accelerate" in (found["incompatible-pair"].cure or "")
    fitting = facts(transformers=package("transformers", "4.52.4"), accelerate=package("accelerate", "1.7.0"))
    assert "incompatible-pair" not in {finding.id for finding in examine(surroundings(facts=fitting), TABLES)}


def test_sources_that_do_not_answer_are_named(tmp_path: Path) -> None:
    world = World(http=FakeHttp(), directory=tmp_path)
    found = list(silent_sources(world, TABLES, FAILURES, surroundings()))
    assert [finding.id for finding in found] == ["source-silent"] * sum(source.ask for source in TABLES.sources)
    assert "connection refused" in found[0].summary


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (UnreachableError("HTTP 403 Forbidden", status=403), {"http-forbidden", "intel-index-forbidden"}),
        (UnreachableError("certificate verify failed: certificate has expired"), {"certificate-expired"}),
        (UnreachableError("HTTP 500 Oops", status=500), {"source-silent"}),
    ],
)
def test_why_a_source_does_not_answer_is_told(error: UnreachableError, expected: set[str], tmp_path: Path) -> None:
    class Refusing(FakeHttp):
        def get(self, *_: object, **__: object) -> Page:
            raise error

    found = list(silent_sources(World(http=Refusing(), directory=tmp_path), TABLES, FAILURES, surroundings()))
    assert {finding.id for finding in found} == expected


def test_findings_come_worst_first_and_once() -> None:
    info, error = Finding(id="a", severity="info", summary="x"), Finding(id="b", severity="error", summary="y")
    assert in_order((info, error, info)) == (error, info)


def test_one_cause_is_one_finding_with_all_the_evidence() -> None:
    warning = Finding(id="a", severity="warning", summary="x", evidence=("one",), cause="c")
    error = Finding(id="a", severity="error", summary="y", evidence=("two",), cause="c")
    other = Finding(id="a", severity="info", summary="z", cause="another")
    (first, second) = merged((warning, error, other))
    assert (first.severity, first.summary, first.evidence) == ("error", "x", ("one", "y", "two"))
    assert second == other


@pytest.mark.parametrize("has_gpu", [False, True])
def test_a_cuda_build_is_told_with_its_gigabytes_where_there_is_no_gpu(*, has_gpu: bool) -> None:
    seen = surroundings(facts=facts(torch=torch(build="cu128")), gpu_bytes=5 << 30, has_gpu=has_gpu)
    told = {finding.id: finding for finding in examine(seen, TABLES)}
    assert ("cuda-build" in told) is not has_gpu
    if not has_gpu:
        assert "5.0 GB" in told["cuda-build"].summary
        assert "torch==2.8.0" in (told["cuda-build"].cure or "")


def test_each_judgement_has_evidence_cause_and_cure() -> None:
    ipex = package("intel_extension_for_pytorch", "2.7.0")
    spoilt = [
        surroundings(facts=facts(ipex=ipex)),
        surroundings(facts=facts(torch=torch("2.7.0"), ipex=ipex, glibc="2.41")),
        surroundings(facts=facts(torch=torch("2.7.0"), ipex=ipex, glibc="2.17")),
        surroundings(facts=facts(torch=torch("2.1.0"), numpy=package("numpy", "2.0.0"))),
        surroundings(facts=facts(torchvision=package("torchvision", "0.20.0"))),
        surroundings(facts=facts(torch=torch("1.12.1"), ipex=package("intel_extension_for_pytorch", "1.12.300"))),
        surroundings(
            facts=facts(torch=torch("2.8.0", build="xpu"), ipex=package("intel_extension_for_pytorch", "2.8.0"))
        ),
    ]
    found = {finding.id: finding for seen in spoilt for finding in examine(seen, TABLES)}
    assert {"torch", "execstack", "glibc", "numpy", "partner", "yanked", "other-device"} <= set(found)
    assert [each for each in found.values() if not (each.evidence and each.cause and each.cure)] == []


def test_every_finding_of_the_rules_has_evidence_cause_and_cure() -> None:
    ipex, bindings = package("intel_extension_for_pytorch", "2.7.0"), package("oneccl_bind_pt", "2.7.0")
    seen = surroundings(
        facts=facts(
            torch=torch("2.7.0"), ipex=ipex, bindings=bindings, target={"free_threaded": True, "environment": "conda"}
        ),
        limits=Limits(open_files=10, processes=10),
        env={"ATEN_CPU_CAPABILITY": "avx2", "OMP_NUM_THREADS": "99", "OMP_THREAD_LIMIT": "1"},
        network=NetworkView(resolves=False, interfaces=("lo",)),
    )
    found = [finding for rule in RULES for finding in rule(seen)]
    assert len(found) >= 10
    assert [each.id for each in found if not (each.evidence and each.cause and each.cure)] == []


def test_a_cleared_mark_of_the_stack_is_believed() -> None:
    ipex = package("intel_extension_for_pytorch", "2.7.0")
    cleared = LibraryUse(package="IPEX", path="/venv/ipex.so")
    there = facts(torch=torch("2.7.0"), ipex=ipex, glibc="2.41")
    assert "execstack" in {each.id for each in examine(surroundings(facts=there, libraries=(STACKED,)), TABLES)}
    assert "execstack" not in {each.id for each in examine(surroundings(facts=there, libraries=(cleared,)), TABLES)}


def test_a_mark_of_the_stack_is_said_once() -> None:
    there = facts(torch=torch("2.7.0"), ipex=package("intel_extension_for_pytorch", "2.7.0"), glibc="2.41")
    found = [each.id for each in examine(surroundings(facts=there, libraries=(STACKED,)), TABLES)]
    assert found.count("execstack") == 1


def test_the_flags_of_the_trainer_are_told() -> None:
    there = facts(transformers=package("transformers", "4.52.4"), accelerate=package("accelerate", "1.7.0"))
    found = {finding.id: finding for finding in examine(surroundings(facts=there), TABLES)}
    assert "--use_cpu" in found["trainer-flags"].summary
    assert any("--use_ipex" in line for line in found["trainer-flags"].evidence)


def test_a_missing_library_is_said_once() -> None:
    ipex = package("intel_extension_for_pytorch", "2.6.0")
    needed = next(row.needed_libs for row in TABLES.ipex if str(row.version) == "2.6.0")
    lacking = LibraryUse(package="IPEX", path="/venv/ipex.so", not_found=(*needed, "libodd.so.1"))
    there = facts(torch=torch("2.6.0"), ipex=ipex, target={"libraries": ()})
    found = examine(surroundings(facts=there, libraries=(lacking,)), TABLES)
    assert [each.summary for each in found if each.id == "library-missing"] == [
        "IPEX needs libodd.so.1, which the loader does not find"
    ]


def test_what_the_trainer_must_be_told_by_variables_is_a_warning() -> None:
    there = facts(
        torch=torch("2.7.0"),
        ipex=package("intel_extension_for_pytorch", "2.7.0"),
        transformers=package("transformers", "4.52.4"),
        accelerate=package("accelerate", "1.7.0"),
    )
    found = [each for each in examine(surroundings(facts=there), TABLES) if each.id == "trainer-environment"]
    assert [(each.severity, each.summary) for each in found] == [
        ("warning", "the Trainer needs ACCELERATE_USE_IPEX=false")
    ]
    told = surroundings(facts=there, env={"ACCELERATE_USE_IPEX": "false"})
    assert "trainer-environment" not in {each.id for each in examine(told, TABLES)}


def test_the_mpi_transport_wants_an_mpirun() -> None:
    seen = surroundings(env={"CCL_ATL_TRANSPORT": "mpi"}, transport=TransportView(mpirun=False))
    found = {each.id: each.severity for rule in RULES for each in rule(seen)}
    assert found == {"mpirun-missing": "warning", "transport-without-launcher": "warning"}
