"""The bridge of ipexenv under the name of Intel's oneCCL bindings, so that scripts written for them run unchanged.

Intel's own package of this name ends at torch 2.7; what stands here is not it, as ``__version__`` says.
"""

from __future__ import annotations

import os
from typing import Any, Iterable

from ipexenv_oneccl_bridge import in_use, register

from .version import __version__, git_version

__all__ = ["__version__", "cwd", "git_version", "in_use", "is_available"]

cwd = os.path.dirname(os.path.abspath(__file__))
"""Where scripts look for ``env/setvars.sh``; the bridge needs nothing of it."""


def is_available(tensors: Iterable[Any]) -> bool:
    """Say whether these tensors can be handed to a collective: dense ones in the host's memory can."""
    import torch

    return all(tensor.device.type == "cpu" and tensor.layout == torch.strided for tensor in tensors)


register()
