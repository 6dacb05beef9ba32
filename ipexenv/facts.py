"""What is observed about the host and the target, as plain data with how each thing was learnt.

Unknown is ``None`` (or an empty tuple), never a guess: rules that need an unknown fact say so and do not object.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from packaging.version import Version

LibcFamily = Literal["glibc", "musl", "unknown"]
EnvironmentKind = Literal["venv", "conda", "user", "system"]

LIBC_FAMILIES = ("glibc", "musl", "unknown")
ENVIRONMENT_KINDS = ("venv", "conda", "user", "system")


class IsaLevel(enum.IntEnum):
    """Instruction-set levels in IPEX's own terms and order.

    Source: csrc/cpu/isa/cpu_feature.cpp and csrc/cpu/dyndisp/DispatchStub.cpp of IPEX v2.8.0+cpu.
    """

    DEFAULT = 0
    AVX2 = 1
    AVX2_VNNI = 2
    AVX512 = 3
    AVX512_VNNI = 4
    AVX512_BF16 = 5
    AMX = 6
    AVX512_FP16 = 7

    @property
    def label(self) -> str:
        """Return the lower-case name that ATEN_CPU_CAPABILITY takes, as ``avx512_bf16``."""
        return self.name.lower()

    @classmethod
    def from_label(cls, label: str) -> IsaLevel:
        """Parse a level name in any case; raise ValueError that names it and the known ones."""
        try:
            return cls[label.upper()]
        except KeyError:
            known = ", ".join(level.label for level in cls)
            msg = f"unknown instruction-set level {label!r}, expected one of {known}"
            raise ValueError(msg) from None


@dataclass(frozen=True, kw_only=True, slots=True)
class Libc:
    """The C library that the target is linked to."""

    family: LibcFamily = "unknown"
    version: Version | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Cpu:
    """The processor. ``isa`` is what IPEX would be able to use, after flags, OS state and AMX permission."""

    vendor: str | None = None
    model: str | None = None
    flags: tuple[str, ...] = ()
    isa: IsaLevel | None = None
    os_xfeatures: int | None = None
    """Bit mask of the extended states that the OS saves (XCR0 numbering: 5-7 AVX-512, 17-18 AMX)."""
    amx_permitted: bool | None = None
    """Whether arch_prctl(ARCH_REQ_XCOMP_PERM, 18) succeeded; None where AMX is not there to ask for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ProcessingUnit:
    """One online logical CPU and its place in the machine."""

    unit: int
    """Its number in Linux."""
    core: int
    """Number of its physical core: the lowest ``unit`` among the core's online threads."""
    socket: int | None = None
    """Number of its socket, counted from 0 in the order of units; None where nothing tells."""
    numa_node: int | None = None
    """Number of its NUMA node in Linux; None where no node lists it."""
    efficient: bool = False
    """Whether it belongs to a slower kind of core than the machine's fastest (hybrid processors)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Topology:
    """Sockets, NUMA nodes and cores of the machine, and what affinity and cgroup leave of them."""

    sockets: int | None = None
    numa_nodes: int | None = None
    physical_cores: int | None = None
    """Cores of all online processing units, not threads."""
    logical_cpus: int | None = None
    """Online processing units."""
    usable_cpus: tuple[int, ...] = ()
    """Processing units that affinity and cpuset allow."""
    usable_cores: int | None = None
    """Physical cores with at least one usable processing unit."""
    cpu_quota: float | None = None
    """CPUs that the cgroup's quota grants (``cpu.max``), None where unlimited."""
    units: tuple[ProcessingUnit, ...] = ()
    """All online processing units in ascending order; empty where only counts are known."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Host:
    """The machine."""

    system: str = "linux"
    architecture: str = "x86_64"
    distribution: str | None = None
    kernel: str | None = None
    libc: Libc = field(default_factory=Libc)
    cpu: Cpu = field(default_factory=Cpu)
    topology: Topology = field(default_factory=Topology)
    shm_bytes: int | None = None
    """Size of /dev/shm in bytes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """The Python that will import torch."""

    version: Version
    executable: str | None = None
    implementation: str = "cpython"
    wheel_tags: tuple[str, ...] = ()
    """Tags of the wheels it accepts, best first (``cp311-cp311-manylinux_2_36_x86_64``); empty where unknown."""
    environment: EnvironmentKind = "venv"
    prefix: str | None = None
    site_packages: str | None = None
    externally_managed: str | None = None
    """Path of the EXTERNALLY-MANAGED marker (PEP 668), None where there is none."""
    writable: bool | None = None
    glibcxx: Version | None = None
    """Newest GLIBCXX symbol version of the libstdc++ that this Python would load."""
    libraries: tuple[str, ...] | None = None
    """Those system libraries named in the tables that the loader finds here; None where nobody looked."""
    free_threaded: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Package:
    """One installed distribution, from its metadata alone."""

    name: str
    version: Version
    installer: str | None = None
    location: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class TorchPackage(Package):
    """The installed torch with what tells its builds apart."""

    build: str | None = None
    """``cpu``, ``cu128``, ``rocm6.4``, ``xpu``, ``conda`` … ; None where nothing tells."""
    cxx11_abi: bool | None = None
    """Whether its C++ symbols use the new libstdc++ ABI; None where it could not be read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Installed:
    """What the tables speak about, as installed in the target; None where it is not installed."""

    torch: TorchPackage | None = None
    ipex: Package | None = None
    bindings: Package | None = None
    """Intel's; the bridge's metadata of the same name does not count as them."""
    bridge: Package | None = None
    mpi: Package | None = None
    """Intel MPI with its launcher, ``impi-rt``."""
    oneccl: Package | None = None
    """Intel's oneCCL as a package of its own."""
    transformers: Package | None = None
    accelerate: Package | None = None
    numpy: Package | None = None
    torchvision: Package | None = None
    torchaudio: Package | None = None
    other_ccl: tuple[str, ...] = ()
    """Paths of libccl in the environment that the ccl backend did not bring."""
    ccl_on_path: tuple[str, ...] = ()
    """Paths of libccl that LD_LIBRARY_PATH leads to, the backend's own left out."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """Everything that a decision may rest on."""

    host: Host
    target: Target
    installed: Installed = field(default_factory=Installed)
    learnt: tuple[tuple[str, str], ...] = ()
    """Pairs of a dotted fact name (``host.libc``) and how it was learnt (``os.confstr``)."""
