"""What decisions end as: pins and resolutions. Pure data.

What rules weigh and say stands in ``ipexenv.ruling``, which `status` can do with alone, and can be had from here too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ipexenv.ruling import (
    CclChoice,
    CclProvider,
    Market,
    Note,
    Offer,
    Rejection,
    Request,
    SourceReport,
    Stack,
)

if TYPE_CHECKING:
    from packaging.version import Version

    from ipexenv.tables.bridge import BridgeRelease

__all__ = [
    "CclChoice",
    "CclProvider",
    "Market",
    "Note",
    "Offer",
    "Pin",
    "Rejection",
    "Request",
    "Resolution",
    "SourceReport",
    "Stack",
    "pin_as_mapping",
    "rejection_as_mapping",
]


@dataclass(frozen=True, kw_only=True, slots=True)
class Pin:
    """One chosen release and the file it comes from."""

    name: str
    """Distribution name, as pip takes it."""
    version: Version
    """With the local label where the file has one."""
    source: str
    """Name of the source; ``tables`` when no source was asked."""
    yanked: str | None = None
    offer: Offer | None = None
    """The exact file; None when no source was asked, or when it is already installed."""
    installed: bool = False
    """True where exactly this version is already there."""
    bridge: BridgeRelease | None = None
    """What to build the wheel from where no source has it ready; ``offer`` is None then."""
    parts: tuple[Offer, ...] = ()
    """The wheels that it is built from, one for each part of ``bridge`` and in its order; empty offline."""
    spare_parts: tuple[Offer, ...] = ()
    """The same wheels at other places, for where one of ``parts`` cannot be had after all; best first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Resolution:
    """The chosen releases, the rejected ones and why."""

    torch: Version
    python: Version
    stack: Stack
    ccl: CclProvider
    ccl_version: Version | None
    ccl_reason: str | None
    """Why there is no ccl provider, or why this one; None where it needs no words."""
    pins: tuple[Pin, ...]
    """In the order torch, IPEX, bindings or bridge, MPI, then partners (torchvision, torchaudio) that move along."""
    constraints: tuple[str, ...]
    """Further requirements of the pair, as ``numpy<2``."""
    import_names: tuple[str, ...]
    """Modules in the order they must be imported: torch, IPEX, bindings."""
    rejections: tuple[Rejection, ...]
    notes: tuple[Note, ...]

    def as_mapping(self) -> dict[str, Any]:
        """Return the JSON ``data`` of ``resolve`` and of ``install --dry-run``."""
        return {
            "torch": str(self.torch),
            "python": str(self.python),
            "stack": self.stack,
            "ccl": {
                "provider": self.ccl,
                "version": None if self.ccl_version is None else str(self.ccl_version),
                "reason": self.ccl_reason,
            },
            "pins": [pin_as_mapping(pin) for pin in self.pins],
            "constraints": list(self.constraints),
            "import_names": list(self.import_names),
            "rejections": [rejection_as_mapping(rejection) for rejection in self.rejections],
            "notes": [{"code": note.code, "text": note.text} for note in self.notes],
        }


def pin_as_mapping(pin: Pin) -> dict[str, Any]:
    """Return one entry of ``pins``."""
    return {
        "name": pin.name,
        "version": str(pin.version),
        "source": pin.source,
        "yanked": pin.yanked,
        "installed": pin.installed,
        "filename": None if pin.offer is None else pin.offer.filename,
        "sha256": None if pin.offer is None else pin.offer.sha256,
        "built_from": [{"filename": part.filename, "source": part.source} for part in pin.parts],
    }


def rejection_as_mapping(rejection: Rejection) -> dict[str, str]:
    """Return one entry of ``rejections``."""
    return {"release": rejection.release, "rule": rejection.rule, "reason": rejection.reason}
