"""A decision that came to nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from ipexenv.outcome import Rejection
    from ipexenv.resolve.situation import TorchInHand


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusal:
    """Why a decision came to nothing."""

    kind: Literal["pair", "torch", "torch-change", "bindings", "bridge", "mpi"]
    """What could not be had: torch and IPEX, torch alone, a change of torch without consent, the bindings, the bridge,
    Intel MPI."""
    torch: TorchInHand | None
    """The torch that it failed for, None where there was a choice of several or none."""
    rejections: tuple[Rejection, ...] = ()
    reason: str | None = None
    """Why there are no bindings, no bridge or no Intel MPI."""
