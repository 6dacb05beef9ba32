"""What `verify` is asked to prove. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from ipexenv.launch.find import LauncherChoice
    from ipexenv.launch.seats import Seat
    from ipexenv.outcome import CclProvider, Resolution, Stack

Dtype = Literal["bf16", "fp16", "fp32"]
DTYPES: tuple[Dtype, ...] = get_args(Dtype)

DEFAULT_TIMEOUT_S = 300.0
DEFAULT_NPROC = 2

IPEX_MODULES = ("intel_extension_for_pytorch", "torch_ipex", "intel_pytorch_extension")
BINDINGS_MODULES = ("oneccl_bindings_for_pytorch", "torch_ccl")


@dataclass(frozen=True, kw_only=True, slots=True)
class VerifyOptions:
    """The environment as it should be, and how to try it."""

    stack: Stack
    ccl: CclProvider = "none"
    """The provider that must work: ``bindings`` or ``bridge`` make a missing or broken ccl backend a failure."""
    ccl_reason: str | None = None
    """Why there is no ccl provider, shown where its checks are skipped."""
    import_names: tuple[str, ...] = ("torch",)
    """Modules in the order in which they must be imported: torch, IPEX, bindings."""
    dtype: Dtype = "bf16"
    nproc: int = DEFAULT_NPROC
    """Ranks of the distributed checks, at least 2."""
    timeout_s: float = DEFAULT_TIMEOUT_S
    """Limit of each check, in seconds."""
    seats: tuple[Seat, ...] = ()
    """The ranks of the distributed checks on several hosts; empty for ``nproc`` on this one."""
    launcher: LauncherChoice = "auto"
    """How ``seats`` are filled."""
    master_address: str = "127.0.0.1"
    """What the ranks find in MASTER_ADDR; they meet in a file, so nothing listens there."""

    @property
    def ipex_module(self) -> str | None:
        """Return the import name of IPEX, None on the native stack."""
        return next((name for name in self.import_names if name in IPEX_MODULES), None)

    @property
    def bindings_module(self) -> str | None:
        """Return the import name of the oneCCL bindings, which the bridge bears too; None where none is expected."""
        return next((name for name in self.import_names if name in BINDINGS_MODULES), None)

    @classmethod
    def for_resolution(
        cls,
        resolution: Resolution,
        *,
        dtype: Dtype = "bf16",
        nproc: int = DEFAULT_NPROC,
        timeout_s: float = DEFAULT_TIMEOUT_S,
    ) -> VerifyOptions:
        """Return what proves that ``resolution`` was installed."""
        return cls(
            stack=resolution.stack,
            ccl=resolution.ccl,
            ccl_reason=resolution.ccl_reason,
            import_names=resolution.import_names,
            dtype=dtype,
            nproc=nproc,
            timeout_s=timeout_s,
        )
