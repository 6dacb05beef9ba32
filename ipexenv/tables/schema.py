"""All of ``compat/`` in one value. Pure: no file is opened here.

The rows stand in ``ipexenv.tables.releases``, ``frameworks`` and ``sources``; the releases can be had from here too.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ipexenv.tables.bridge import BridgeRelease
from ipexenv.tables.hashes import KnownFiles
from ipexenv.tables.releases import (
    CONFIDENCES,
    TORCH_CHECKS,
    Confidence,
    IpexRelease,
    OneCclRelease,
    Provenance,
    TorchCheck,
    TorchRelease,
)

if TYPE_CHECKING:
    from ipexenv.tables.frameworks import FrameworkFlag, FrameworkRelease
    from ipexenv.tables.sources import NamedSource

__all__ = [
    "CONFIDENCES",
    "TORCH_CHECKS",
    "BridgeRelease",
    "Confidence",
    "IpexRelease",
    "OneCclRelease",
    "Provenance",
    "Tables",
    "TorchCheck",
    "TorchRelease",
]


@dataclass(frozen=True, kw_only=True, slots=True)
class Tables:
    """The tables, each in ascending order of version; those that were not loaded are empty."""

    origin: str
    """Directory that they were read from."""
    ipex: tuple[IpexRelease, ...]
    oneccl: tuple[OneCclRelease, ...]
    torch: tuple[TorchRelease, ...]
    bridge: tuple[BridgeRelease, ...] = ()
    flags: tuple[FrameworkFlag, ...] = ()
    sources: tuple[NamedSource, ...] = ()
    """In the order of the file, which is the order of preference."""
    frameworks: tuple[FrameworkRelease, ...] = ()
    known: KnownFiles = field(default_factory=KnownFiles, compare=False)
    """The wheels whose SHA-256 is known."""

    @property
    def needed_libraries(self) -> tuple[str, ...]:
        """Return the system libraries that some IPEX release needs, by the names that ``probe`` looks for."""
        return tuple(sorted({library for release in self.ipex for library in release.needed_libs}))
