"""The ``ccl`` backend of ``torch.distributed`` for every torch, over Intel's own oneCCL.

Made by ipexenv; not Intel's bindings, though it can be imported under their name too, and silent where that name
imports Intel's own. ``register`` makes ``init_process_group("ccl")`` known to torch; the libraries are loaded when the
first group is made. From torch 2.5 on torch calls ``autoload`` by itself; before that, or where scripts written for
Intel's bindings do it anyway, ``import oneccl_bindings_for_pytorch`` does the same.
"""

from __future__ import annotations

import sys
from typing import Any, Optional

__version__ = "0+ipexenv.bridge.source"
"""Written by the builder of the wheel; this one is the source tree's."""


def _make_group(options: Any, _backend_options: Any) -> Any:
    """Make a process group; torch calls this for ``init_process_group`` and ``new_group``."""
    from .make import make_group

    return make_group(options)


def register() -> None:
    """Make the backend known to torch, and tell torch rank and size where ``mpirun`` or ``srun`` started this process.

    Does nothing where torch knows some ``ccl`` backend already, or may yet know Intel's.
    """
    from torch import distributed

    if not distributed.is_available() or "ccl" in distributed.Backend.backend_list or intel_bindings() is not None:
        return
    try:
        distributed.Backend.register_backend("ccl", _make_group, extended_api=True, devices=["cpu"])
    except TypeError:  # torch 2.0 does not ask for devices
        distributed.Backend.register_backend("ccl", _make_group, extended_api=True)
    from .rendezvous import fill_when_asked

    fill_when_asked()


def autoload() -> None:
    """Register the backend at the end of ``import torch`` (entry point group ``torch.backends``, torch 2.5 on).

    Never raises: torch turns whatever happens here into a failure of ``import torch`` itself.
    """
    try:
        register()
    except Exception as problem:  # noqa: BLE001 (as above)
        sys.stderr.write(f"ipexenv's ccl backend cannot be registered: {problem!r}\n")


def intel_bindings() -> Optional[str]:
    """Return the file of Intel's own bindings where ``import oneccl_bindings_for_pytorch`` would import them."""
    from importlib.util import find_spec

    try:
        spec = find_spec("oneccl_bindings_for_pytorch")
    except ValueError:  # imported, and without a spec
        return None
    if spec is None or spec.origin is None:
        return None
    try:
        with open(spec.origin, "rb") as file:  # its files may lie among ours: this one alone decides what is imported
            return None if b"ipexenv_oneccl_bridge" in file.read() else spec.origin
    except OSError:
        return spec.origin


def in_use() -> str:
    """Say which oneCCL this process uses, and what was set for it."""
    from .start import in_use as said

    return said()
