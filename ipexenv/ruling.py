"""What rules weigh and what they say: the request, offers, rejections and notes. Pure data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from packaging.specifiers import SpecifierSet
    from packaging.version import Version

Stack = Literal["ipex", "native"]
CclChoice = Literal["auto", "bindings", "bridge", "none"]
CclProvider = Literal["bindings", "bridge", "none"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """What the user asks for."""

    stack: Stack = "ipex"
    ccl: CclChoice = "auto"
    torch: SpecifierSet | None = None
    """From ``--torch``: ``2.8`` means ``==2.8.*``, ``1.12.1`` means ``==1.12.1``; None where not given."""
    ccl_version: str | None = None
    """From ``--ccl-version``, as typed; None where the tables choose."""
    allow_torch_change: bool = False
    allow_yanked: bool = False
    mpi: bool = False
    """Whether Intel MPI's launcher is wanted beside the ccl backend (``--mpi``)."""
    require_known: bool = False
    """Whether torch, IPEX and the ccl backend may come from nothing but files whose SHA-256 the tables know."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Offer:
    """One wheel file that a source lists."""

    project: str
    """Normalised name (PEP 503), as ``oneccl-bind-pt``."""
    version: Version
    filename: str
    url: str
    """Absolute URL, or ``file://`` URL for a folder."""
    source: str
    """Name of the source, as shown to people."""
    sha256: str | None = None
    size_bytes: int | None = None
    yanked: str | None = None
    """The reason (may be an empty string), None where it is not yanked."""
    configured: bool = False
    """Whether the package engine finds it by itself, from the index or find-links that it is configured for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceReport:
    """How one source answered."""

    name: str
    url: str
    """Without credentials."""
    state: Literal["answered", "empty", "failed", "not asked"]
    detail: str | None = None
    seconds: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Market:
    """What the sources offer; ``asked`` is False when deciding from the tables alone (``--offline``)."""

    asked: bool = False
    offers: tuple[Offer, ...] = ()
    reports: tuple[SourceReport, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Rejection:
    """One rule's objection to one release."""

    release: str
    """``intel_extension_for_pytorch 2.7.0``."""
    rule: str
    """Stable kebab-case name of the rule."""
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Note:
    """Something worth saying that does not change the answer."""

    code: str
    text: str
