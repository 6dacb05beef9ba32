"""System calls behind a Protocol."""

from __future__ import annotations

from typing import Protocol


class Kernel(Protocol):
    """What only the running kernel can tell."""

    def request_amx(self) -> bool | None:
        """Ask arch_prctl(ARCH_REQ_XCOMP_PERM, 18); None where the call does not exist."""
        ...

    def supported_xfeatures(self) -> int | None:
        """Return arch_prctl(ARCH_GET_XCOMP_SUPP), None where the call does not exist (Linux < 5.16)."""
        ...

    def affinity(self) -> frozenset[int] | None:
        """Return the processing units that this process may use."""
        ...

    def filesystem_bytes(self, path: str) -> int | None:
        """Return the size of the file system at ``path`` in bytes."""
        ...


class LinuxKernel:
    """The real Kernel."""

    def request_amx(self) -> bool | None:
        """See Kernel.request_amx."""
        raise NotImplementedError

    def supported_xfeatures(self) -> int | None:
        """See Kernel.supported_xfeatures."""
        raise NotImplementedError

    def affinity(self) -> frozenset[int] | None:
        """See Kernel.affinity."""
        raise NotImplementedError

    def filesystem_bytes(self, path: str) -> int | None:
        """See Kernel.filesystem_bytes."""
        raise NotImplementedError
