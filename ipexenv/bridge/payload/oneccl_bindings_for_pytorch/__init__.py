"""The ``ccl`` backend of ``torch.distributed`` for every torch, over Intel's own oneCCL.

Made by ipexenv: it takes the name of Intel's bindings so that scripts written for them run unchanged, and says in
``__version__`` that it is not them. Importing it makes ``init_process_group("ccl")`` known to torch; the libraries are
loaded when the first group is made.
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import Any

__version__ = "2022.2.0+ipexenv.bridge"

cwd = os.path.dirname(os.path.abspath(__file__))


def _make_group(options: Any, _backend_options: Any) -> Any:
    """Make a process group; torch calls this for ``init_process_group`` and ``new_group``."""
    from .make import make_group

    return make_group(options)


def register() -> None:
    """Make the backend known to torch; it stays as it is where some ``ccl`` backend is known already."""
    from torch.distributed import Backend, is_available

    if is_available() and "ccl" not in Backend.backend_list:
        Backend.register_backend("ccl", _make_group, extended_api=True, devices=["cpu"])


def autoload() -> None:
    """Do nothing: torch 2.5 and later call this at the end of ``import torch``, after this module's import did it."""


def in_use() -> str:
    """Say which oneCCL this process uses, and what was set for it."""
    from .start import in_use as said

    return said()


if find_spec("torch") is not None:
    register()
