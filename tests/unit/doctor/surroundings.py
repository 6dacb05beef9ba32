"""Surroundings of a healthy environment, for the tests of `doctor` to spoil."""

from __future__ import annotations

from typing import Any

from packaging.version import Version

from ipexenv.doctor.surroundings import Limits, NetworkView, Surroundings
from ipexenv.facts import Cpu, Facts, Host, Installed, IsaLevel, Libc, Package, Target, Topology, TorchPackage

INTEL = "Intel(R) Xeon(R) Platinum 8480+"
NETWORK = NetworkView(host_name="node1", interfaces=("lo", "eth0"), with_address=("eth0",))
HEALTHY: dict[str, Any] = {"network": NETWORK, "limits": Limits(open_files=65536, processes=None)}


def torch(version: str = "2.8.0", **more: Any) -> TorchPackage:
    return TorchPackage(name="torch", version=Version(version), installer="pip", cxx11_abi=True, **more)


def package(name: str, version: str) -> Package:
    return Package(name=name, version=Version(version), installer="pip")


def facts(
    *,
    glibc: str = "2.36",
    shm_bytes: int = 8 << 30,
    topology: Topology | None = None,
    cpu: Cpu | None = None,
    target: Any = None,
    **installed: Any,
) -> Facts:
    return Facts(
        host=Host(
            libc=Libc(family="glibc", version=Version(glibc)),
            cpu=cpu or Cpu(isa=IsaLevel.AMX, model=INTEL, flags=("avx2", "fma", "avx512f", "amx_tile")),
            topology=topology or Topology(logical_cpus=8, usable_cpus=tuple(range(8)), physical_cores=8),
            shm_bytes=shm_bytes,
        ),
        target=Target(**{"version": Version("3.11.7"), "prefix": "/venv", **(target or {})}),
        installed=Installed(**{"torch": torch(), **installed}),
    )


def surroundings(**changes: Any) -> Surroundings:
    return Surroundings(**{"facts": facts(), "env": {}, **HEALTHY, **changes})
