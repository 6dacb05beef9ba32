"""Telling torch who and where the ranks are at the moment it asks, and not before.

``init_process_group`` with its usual ``env://`` reads ``RANK`` and the like, which only torchrun sets. They are filled
right then: programs that ``srun`` starts side by side, each for itself, must not be taken for ranks of one job merely
because they import torch.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any, Dict

SWITCH = "IPEXENV_BRIDGE_RANKS"
"""``0`` leaves torch's variables alone altogether; ``1`` fills them as soon as torch is imported."""

_MARK = "_ipexenv_fills"


def fill_when_asked() -> None:
    """Fill torch's variables from the launcher's when torch looks for them; calling this again changes nothing."""
    module = import_module("torch.distributed.rendezvous")  # torch.distributed has a function of this name
    handlers = getattr(module, "_rendezvous_handlers", {})
    usual = handlers.get("env")
    if _switch() == "1" or usual is None:  # without a place to wait for the question: at once
        _fill({})
    elif not hasattr(usual, _MARK):

        def handler(url: str, *arguments: Any, **options: Any) -> Any:
            _fill(_asked(url))
            return usual(url, *arguments, **options)

        setattr(handler, _MARK, True)
        handlers["env"] = handler


def _switch() -> str:
    return os.environ.get(SWITCH, "").strip()


def _asked(url: str) -> Dict[str, str]:
    """Return rank and size where the program itself gave them to ``init_process_group``."""
    from urllib.parse import parse_qsl, urlparse

    given = dict(parse_qsl(urlparse(url).query))
    named = (("RANK", given.get("rank")), ("WORLD_SIZE", given.get("world_size")))
    return {name: value for name, value in named if value is not None}


def _fill(asked: Dict[str, str]) -> None:
    if _switch() != "0":
        from .meeting import fill_torch_variables

        fill_torch_variables(os.environ, asked)
