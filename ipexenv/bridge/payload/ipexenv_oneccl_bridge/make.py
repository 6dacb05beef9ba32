"""From torch's request to a process group."""

from __future__ import annotations

import os
import weakref
from typing import Any, Dict

import torch.distributed
from torch.distributed import PrefixStore

from .destroying import shut_down_first
from .engine import Engine
from .group import CclProcessGroup

_made: Dict[str, int] = {}
"""How often this process made a group of each name: a store may outlive a group, and its old words must not count."""


def make_group(options: Any) -> CclProcessGroup:
    """Make the group that torch describes (``c10d::DistributedBackendOptions``)."""
    name = str(options.group_id)
    turn = _made[name] = _made.get(name, 0) + 1
    store = PrefixStore(f"ccl/{name}/{turn}", options.store)
    whole = not torch.distributed.is_initialized() or options.group_size == torch.distributed.get_world_size()
    ranks = list(options.global_ranks_in_group) or list(range(options.group_size))
    engine = Engine(
        store,
        options.group_rank,
        options.group_size,
        timeout_s=options.timeout.total_seconds(),
        name=name or "default",
        ranks=ranks,
        whole=whole,
    )
    shut_down_first()
    _do_functions_in_python()
    group = CclProcessGroup(engine, store)
    weakref.finalize(group, engine.forget).atexit = False
    return group


def _do_functions_in_python() -> None:
    """Let torch 2.3 do its functional collectives in Python: those in C++ find no all-to-all in groups of Python's."""
    if torch.__version__.startswith("2.3."):
        os.environ.setdefault("TORCH_DISABLE_NATIVE_FUNCOL", "1")
