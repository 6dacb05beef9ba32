"""What a lock holds. Pure data; ``ipexenv.lock.pylock`` writes and reads it as ``pylock.toml`` (PEP 751)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from packaging.version import Version

    from ipexenv.facts import LibcFamily
    from ipexenv.ruling import CclProvider, Offer, Stack


@dataclass(frozen=True, kw_only=True, slots=True)
class LockedBridge:
    """The bridge of a lock: no index has its wheel, so the lock names what it is built from, file by file."""

    version: Version
    """With its local label, as ``2022.2.0+ipexenv.bridge.1``."""
    parts: tuple[Offer, ...]
    """The wheels that it is built from, each with its SHA-256."""
    wheel: Offer | None = None
    """The bridge's own wheel where the lock lies in a wheelhouse that has it ready made."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LockedPlatform:
    """The kind of Python that the files were chosen for."""

    python: Version
    """Release of the target, as ``3.11.7``; what counts is the minor."""
    system: str
    architecture: str
    implementation: str = "cpython"
    free_threaded: bool = False
    libc_family: LibcFamily = "unknown"
    libc_version: Version | None = None

    @property
    def minor(self) -> str:
        """Return ``3.11``, or ``3.13t`` for the free-threaded build."""
        return f"{self.python.major}.{self.python.minor}{'t' if self.free_threaded else ''}"

    @property
    def words(self) -> str:
        """Return it for people, as ``Python 3.11 on linux x86_64``."""
        return f"Python {self.minor} on {self.system} {self.architecture}"


@dataclass(frozen=True, kw_only=True, slots=True)
class LockedTarget:
    """What one kind of target gets: the decision, and every file of it."""

    platform: LockedPlatform
    torch: Version
    ccl: CclProvider
    ccl_version: Version | None
    bridge: LockedBridge | None
    pins: tuple[str, ...]
    """Names of the chosen distributions, in the order of ``Resolution.pins``; the other files are dependencies."""
    import_names: tuple[str, ...]
    constraints: tuple[str, ...]
    """Further requirements of the pair, as ``numpy<2``."""
    files: tuple[Offer, ...]
    """One wheel a distribution, by project name; each has its SHA-256."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Lock:
    """A whole lock."""

    created_by: str
    """As ``ipexenv 0.1.0``."""
    stack: Stack
    tables: str
    """Digest of the tables that decided, as ``sha256:…``."""
    targets: tuple[LockedTarget, ...]
    """At least one, by Python and platform; no two of one kind."""
