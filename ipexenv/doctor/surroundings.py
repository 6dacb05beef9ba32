"""What `doctor` looks at beside the facts of target and host. Pure data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ipexenv.facts import Facts

MODULES = {
    "torch": "torch",
    "intel_extension_for_pytorch": "ipex",
    "oneccl_bindings_for_pytorch": "bindings",
    "numpy": "numpy",
    "torchvision": "torchvision",
    "transformers": "transformers",
    "accelerate": "accelerate",
}
"""Names that a folder on PYTHONPATH, or the working directory, must not hide, with the field of ``facts.Installed``."""


OPEN_MPI = frozenset({"orterun", "prterun", "opal_wrapper", "mpirun.openmpi"})
"""What Open MPI's mpirun is a link to."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """Limits of this process (getrlimit(2)); None where there is none."""

    open_files: int | None = None
    processes: int | None = None
    """Of the user, or of the container (``pids.max``), whichever is less."""
    locked_bytes: int | None = None
    """How much memory may be locked, which adapters for verbs and psm3 need."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NetworkView:
    """The place of this machine in its network."""

    host_name: str = "localhost"
    resolves: bool = True
    """Whether the host name stands for an address here."""
    interfaces: tuple[str, ...] = ()
    """Names of all interfaces; empty where they could not be asked for."""
    with_address: tuple[str, ...] = ()
    """Those with an IPv4 address, without the loopback."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LibraryUse:
    """One shared library of an installed package, from its bytes alone."""

    package: str
    """For people: ``IPEX``, ``torch`` …"""
    path: str
    executable_stack: bool = False
    openmp: str | None = None
    """The OpenMP runtime that it asks for, by the name under which the loader knows it (``libgomp.so.1``)."""
    not_found: tuple[str, ...] = ()
    """What it asks for and neither the loader nor its package has."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SshKey:
    """A private key that ssh would offer."""

    path: str
    mode: int
    """Permission bits."""
    locked: bool = False
    """Whether it asks for a passphrase."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SshView:
    """Whether ssh would get to the other hosts without asking anybody, as far as this host shows it."""

    hosts: tuple[str, ...] = ()
    """The other hosts of the hostfile that is named; empty where none is."""
    named_by: str = ""
    """What names them, as ``--hostfile hosts``."""
    client: str | None = None
    """Path of the ssh program."""
    keys: tuple[SshKey, ...] = ()
    agent_keys: int = 0
    """How many keys an agent holds."""
    unknown_hosts: tuple[str, ...] = ()
    """Those of ``hosts`` whose key is not known here, and which ssh would therefore ask about."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TransportView:
    """What oneCCL, MPI and libfabric would find with the variables of this shell."""

    providers: tuple[str, ...] = ()
    """Providers of libfabric that are there as files; empty where their folder is not known."""
    providers_in: str = ""
    """That folder."""
    libmpi: bool = True
    """Whether a libmpi.so.12 lies where oneCCL looks for it."""
    libfabric: bool = True
    """The same for libfabric."""
    mpirun: bool = True
    """Whether there is any mpirun."""
    old_oneccl: str | None = None
    """Path of Intel's oneCCL 2021, of the bindings or in IPEX 2.3 to 2.7, which wants its variables; None without."""
    has_fabric: bool = False
    """Whether there is an adapter for verbs, psm3 or efa."""
    taken_port: int | None = None
    """The port of MASTER_PORT, where it cannot be listened on any more."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Surroundings:
    """Everything that the rules may rest on."""

    facts: Facts
    env: Mapping[str, str]
    missing_paths: frozenset[str] = frozenset()
    """Those absolute paths named in ``env`` (LD_PRELOAD, LD_LIBRARY_PATH, I_MPI_ROOT …) where nothing is.

    And names in LD_PRELOAD that the loader would not find.
    """
    hidden_by: tuple[tuple[str, str], ...] = ()
    """Pairs of a module and the folder, on PYTHONPATH or the working directory, whose own one hides it."""
    gpu_bytes: int = 0
    """Size of the GPU libraries in the target's site-packages."""
    limits: Limits = Limits()
    network: NetworkView = NetworkView()
    libraries: tuple[LibraryUse, ...] = ()
    """Those of torch, IPEX and the bindings that the extensions stand on."""
    on_path: tuple[tuple[str, str], ...] = ()
    """Pairs of a library's kind (``libmpi``) and its path, for what LD_LIBRARY_PATH leads to outside the target."""
    own_copies: tuple[tuple[str, str], ...] = ()
    """The same for what the target's packages bring."""
    mpirun: str | None = None
    """The mpirun that PATH leads to, with its links followed."""
    ssh: SshView = SshView()
    has_gpu: bool = False
    """Whether there is a device file of a GPU that a CUDA or ROCm build of torch would use."""
    transport: TransportView = TransportView()
    free_bytes: tuple[tuple[str, int], ...] = ()
    """Pairs of a folder and the room that is left there, for what installing writes to."""
    target_words: str = ""
    """The options that name the target, with a space before them."""
