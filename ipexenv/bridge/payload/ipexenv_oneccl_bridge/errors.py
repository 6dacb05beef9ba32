"""What the backend raises; every text names the value at fault.

The base is torch's own error for backends where torch has one (2.0 and later do), so that code that catches
``torch.distributed.DistBackendError`` or ``RuntimeError`` goes on working.
"""

from __future__ import annotations

try:
    from torch.distributed import DistBackendError as _Base
except ImportError:  # no torch at all: the modules without torch are used by tools and tests alone
    _Base = RuntimeError


class CclError(_Base):
    """A collective, or the start of a group, failed."""


class CclInputError(CclError, ValueError):
    """A tensor, type, reduction or rank was given that the backend cannot take."""


class CclTimeoutError(CclError, TimeoutError):
    """A collective did not end within its time."""


class CclPeerError(CclError):
    """Another rank of the group died."""
