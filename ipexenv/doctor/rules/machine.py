"""What the machine or its container lacks. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ipexenv.doctor.finding import Finding
from ipexenv.facts import IsaLevel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ipexenv.doctor.surroundings import Surroundings

SMALL_SHM_BYTES = 256 << 20
"""Docker's 64 MB and what is like it; torch's DataLoader and MPI want more."""

FEW_FILES = 4096
FEW_PROCESSES = 1024
LITTLE_ROOM_BYTES = 1 << 30
FEW_LOCKED_BYTES = 64 << 20
_MB = 1 << 20
_FASTER_FABRICS = ("verbs", "psm3", "psm2", "efa", "mlx")
"""Providers of libfabric that lock the memory they send from (fi_verbs(7), fi_psm3(7))."""

_HAS_AMX = re.compile(r"Xeon.*(Platinum 8|Gold [56]|Silver 4|Bronze 3)[45]\d\d|Xeon.*Max 9\d\d\d|Xeon.* 6\d{3}[PE]?\b")
"""Models of the 4th generation and later (Intel's product list), all of which have AMX but for the efficient ones."""

_EFFICIENT = re.compile(r"6\d{3}E")
_SCALABLE = re.compile(r"Xeon.*(Platinum|Gold|Silver|Bronze|Max)\b", re.IGNORECASE)


def shm_small(seen: Surroundings) -> Iterator[Finding]:
    """Report shared memory that is too small for data loaders and for MPI."""
    size = seen.facts.host.shm_bytes
    if size is not None and size < SMALL_SHM_BYTES:
        words = f"{size // _MB} MB" if size >= _MB else f"{size // 1024} KB"
        yield Finding(
            id="shm-small",
            severity="warning",
            summary=f"/dev/shm has {words}",  # noqa: S108 (words for people)
            evidence=(f"statvfs(/dev/shm): {size} bytes",),
            cause="a container without --shm-size: data loaders and Intel MPI die of it with a bus error",
            cure="`docker run --shm-size=2g`; in Kubernetes an emptyDir with `medium: Memory` on /dev/shm",
        )


def few_files(seen: Surroundings) -> Iterator[Finding]:
    """Report that the limit of open files is too low for data loaders."""
    files = seen.limits.open_files
    if files is not None and files < FEW_FILES:
        yield Finding(
            id="few-files",
            severity="warning",
            summary=f"no more than {files} files may be open",
            evidence=(f"ulimit -n: {files}",),
            cause="data loaders hold a file for every tensor that they hand over",
            cure="`ulimit -n 65536` in the shell that starts the training",
        )


def few_processes(seen: Surroundings) -> Iterator[Finding]:
    """Report that the limit of processes and threads is low."""
    most = seen.limits.processes
    if most is not None and most < FEW_PROCESSES:
        yield Finding(
            id="few-processes",
            severity="warning",
            summary=f"no more than {most} processes and threads may run",
            evidence=(f"ulimit -u: {most}",),
            cause="every rank has its OpenMP threads, every data loader its processes",
            cure="`ulimit -u 65536`, or a larger pids limit of the container",
        )


def name_unresolved(seen: Surroundings) -> Iterator[Finding]:
    """Report that the host's own name has no address: gloo and torchrun then stop."""
    if not seen.network.resolves:
        yield Finding(
            id="name-unresolved",
            severity="warning",
            summary=f"the name of this host, {seen.network.host_name}, has no address",
            evidence=(f"getaddrinfo({seen.network.host_name!r}) fails",),
            cause="/etc/hosts of the container lacks it; gloo and torchrun look it up",
            cure=f"`echo 127.0.0.1 {seen.network.host_name} >> /etc/hosts`, or MASTER_ADDR=127.0.0.1 on a single host",
        )


def loopback_alone(seen: Surroundings) -> Iterator[Finding]:
    """Report that there is no interface but the loopback, which oneCCL passes over by itself."""
    network = seen.network
    if network.interfaces and not network.with_address and not seen.env.get("CCL_KVS_IFACE"):
        yield Finding(
            id="loopback-alone",
            severity="info",
            summary="this host has no network but the loopback",
            evidence=(f"interfaces: {', '.join(network.interfaces)}",),
            cause="Intel's bindings hang at their start then",
            cure="`export CCL_KVS_IFACE=lo`; the bridge, `ipexenv run` and `ipexenv verify` do it themselves",
        )


def quota_below_core(seen: Surroundings) -> Iterator[Finding]:
    """Report that the container grants less than one CPU."""
    quota = seen.facts.host.topology.cpu_quota
    if quota is not None and quota < 1:
        yield Finding(
            id="quota-below-core",
            severity="warning",
            summary=f"the container grants {quota:g} CPUs",
            evidence=(f"cpu.max: {quota:g}",),
            cause="the kernel stops every thread for a part of each period",
            cure="give it whole CPUs (`docker run --cpus=4`, requests = limits in Kubernetes)",
        )


def isa_masked(seen: Surroundings) -> Iterator[Finding]:
    """Report that a virtual machine hides instruction sets that its CPU has."""
    cpu = seen.facts.host.cpu
    if cpu.isa is None or "hypervisor" not in cpu.flags or cpu.isa >= IsaLevel.AVX512:
        return
    lacks_avx2 = cpu.isa < IsaLevel.AVX2
    if lacks_avx2 or _SCALABLE.search(cpu.model or ""):
        yield Finding(
            id="isa-masked",
            severity="error" if lacks_avx2 else "warning",
            summary=f"this virtual machine shows {cpu.isa.label} of {cpu.model or 'its CPU'}",
            evidence=("/proc/cpuinfo: hypervisor, and no avx512f" + (" or avx2" if lacks_avx2 else ""),),
            cause="the hypervisor hides what the CPU has more",
            cure="let it pass the CPU through (QEMU: `-cpu host`), or choose another instance type",
        )


def disk_low(seen: Surroundings) -> Iterator[Finding]:
    """Report that there is hardly room to install anything, or to unpack a wheel."""
    for folder, free in seen.free_bytes:
        if free < LITTLE_ROOM_BYTES:
            yield Finding(
                id="disk-low",
                severity="warning",
                summary=f"{folder} has {free // _MB} MB left",
                evidence=(f"statvfs({folder}): {free} bytes",),
                cause="torch for CPUs takes 1 GB, its CUDA build 5 GB; pip unpacks it in the temporary folder first",
                cure="make room (`pip cache purge`, `ipexenv cache`), or name another temporary folder in TMPDIR",
            )


def quota_unseen(seen: Surroundings) -> Iterator[Finding]:
    """Report that torch would start a thread for every CPU that it sees, and the container's quota grants fewer."""
    topology = seen.facts.host.topology
    visible = len(topology.usable_cpus) or topology.logical_cpus
    if topology.cpu_quota is None or topology.cpu_quota < 1 or not visible or "OMP_NUM_THREADS" in seen.env:
        return
    threads = topology.usable_cores or visible
    if threads > topology.cpu_quota:
        yield Finding(
            id="quota-unseen",
            severity="warning",
            summary=f"torch would start {threads} threads, and the container grants {topology.cpu_quota:g} CPUs",
            evidence=(f"cpu.max: {topology.cpu_quota:g}", f"CPUs that are visible: {visible}", "no OMP_NUM_THREADS"),
            cause="a quota limits time, not the number of CPUs that a process sees; the threads then stop each other",
            cure=f"`export OMP_NUM_THREADS={int(topology.cpu_quota)}`, or start with `ipexenv run`, which sets it",
        )


def locked_memory(seen: Surroundings) -> Iterator[Finding]:
    """Report that a fast fabric is asked for, and hardly any memory may be locked for it."""
    provider, limit = seen.env.get("FI_PROVIDER", ""), seen.limits.locked_bytes
    if limit is not None and limit < FEW_LOCKED_BYTES and provider.startswith(_FASTER_FABRICS):
        yield Finding(
            id="locked-memory",
            severity="warning",
            summary=f"FI_PROVIDER is {provider}, and no more than {limit // 1024} KB may be locked",
            evidence=(f"FI_PROVIDER={provider}", f"ulimit -l: {limit // 1024}"),
            cause="these adapters send straight from memory that must not be moved",
            cure="`ulimit -l unlimited` (`docker run --ulimit memlock=-1`), or `export FI_PROVIDER=tcp`",
        )


def amx_masked(seen: Surroundings) -> Iterator[Finding]:
    """Report that a CPU that has AMX does not show it, or that this process may not use it."""
    cpu = seen.facts.host.cpu
    model = cpu.model or ""
    shown = "amx_tile" in cpu.flags
    if shown and cpu.amx_permitted is False:
        yield Finding(
            id="amx-refused",
            severity="warning",
            summary="the kernel does not let this process use AMX",
            evidence=("arch_prctl(ARCH_REQ_XCOMP_PERM) fails",),
            cause="a kernel before 5.16, or a container whose seccomp profile forbids the call",
            cure="a newer kernel, or a seccomp profile that allows arch_prctl; bf16 works without, more slowly",
        )
    has = _HAS_AMX.search(model) and not _EFFICIENT.search(model)
    if has and not shown and cpu.isa is not None and cpu.isa >= IsaLevel.AVX512:
        yield Finding(
            id="amx-masked",
            severity="info",
            summary=f"{model} has AMX, and this machine does not show it",
            evidence=("/proc/cpuinfo: no amx_tile",),
            cause="the hypervisor hides it, or the kernel is older than 5.16",
            cure="let the hypervisor pass the CPU through (QEMU: `-cpu host`), or boot a newer kernel",
        )


RULES = (
    shm_small,
    disk_low,
    few_files,
    few_processes,
    locked_memory,
    name_unresolved,
    loopback_alone,
    quota_below_core,
    quota_unseen,
    isa_masked,
    amx_masked,
)
