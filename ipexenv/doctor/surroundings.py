"""What `doctor` looks at beside the facts of target and host. Pure data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ipexenv.facts import Facts

MODULES = ("torch", "intel_extension_for_pytorch", "oneccl_bindings_for_pytorch", "numpy", "transformers", "accelerate")
"""Names that a folder on PYTHONPATH, or the working directory, must not hide."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """Limits of this process (getrlimit(2)); None where there is none."""

    open_files: int | None = None
    processes: int | None = None


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
class Surroundings:
    """Everything that the rules may rest on."""

    facts: Facts
    env: Mapping[str, str]
    missing_paths: frozenset[str] = frozenset()
    """Those absolute paths named in ``env`` (LD_PRELOAD, LD_LIBRARY_PATH, I_MPI_ROOT …) where nothing is."""
    hidden_by: tuple[tuple[str, str], ...] = ()
    """Pairs of a module and the folder, on PYTHONPATH or the working directory, whose own one hides it."""
    gpu_bytes: int = 0
    """Size of the GPU libraries in the target's site-packages."""
    limits: Limits = Limits()
    network: NetworkView = NetworkView()
    target_words: str = ""
    """The options that name the target, with a space before them."""
