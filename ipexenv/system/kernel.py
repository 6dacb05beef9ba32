"""System calls behind a Protocol."""

from __future__ import annotations

import errno
import os
import sys
from typing import Protocol

_SYS_ARCH_PRCTL = 158
_ARCH_GET_XCOMP_SUPP = 0x1021
_ARCH_REQ_XCOMP_PERM = 0x1023
_XTILEDATA = 18
_NO_SUCH_CALL = frozenset({errno.ENOSYS, errno.EINVAL})


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
    """The real Kernel; other systems answer None to everything that they do not have.

    Source of the numbers: arch/x86/include/uapi/asm/prctl.h and Documentation/arch/x86/xstate.rst of Linux.
    """

    def request_amx(self) -> bool | None:
        """See Kernel.request_amx; the permission lasts for the life of this process and does no harm."""
        failure, _ = _arch_prctl(_ARCH_REQ_XCOMP_PERM, _XTILEDATA)
        return None if failure in _NO_SUCH_CALL else failure == 0

    def supported_xfeatures(self) -> int | None:
        """See Kernel.supported_xfeatures."""
        failure, mask = _arch_prctl(_ARCH_GET_XCOMP_SUPP, None)
        return mask if failure == 0 else None

    def affinity(self) -> frozenset[int] | None:
        """See Kernel.affinity."""
        try:
            return frozenset(os.sched_getaffinity(0))
        except (AttributeError, OSError):
            return None

    def filesystem_bytes(self, path: str) -> int | None:
        """See Kernel.filesystem_bytes."""
        try:
            state = os.statvfs(path)
        except (AttributeError, OSError):
            return None
        return state.f_blocks * state.f_frsize


def _arch_prctl(option: int, argument: int | None) -> tuple[int, int]:
    """Return errno (0 for success) and the mask that the call wrote where ``argument`` is None."""
    if not sys.platform.startswith("linux") or os.uname().machine != "x86_64" or sys.maxsize <= 1 << 32:
        return errno.ENOSYS, 0
    import ctypes  # noqa: PLC0415 (only machines that have the call pay for it)

    mask = ctypes.c_ulong(0)
    try:
        call = ctypes.CDLL(None, use_errno=True).syscall
    except (OSError, AttributeError):  # a static Python without a C library to look into
        return errno.ENOSYS, 0
    call.restype = ctypes.c_long
    second = ctypes.byref(mask) if argument is None else ctypes.c_ulong(argument)
    if call(ctypes.c_long(_SYS_ARCH_PRCTL), ctypes.c_long(option), second) != 0:
        return ctypes.get_errno(), 0
    return 0, mask.value
