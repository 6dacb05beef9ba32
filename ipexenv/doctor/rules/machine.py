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
_MB = 1 << 20
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


RULES = (shm_small, few_files, few_processes, name_unresolved, loopback_alone, quota_below_core, isa_masked)
