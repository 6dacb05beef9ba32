"""Telling groups that they are destroyed.

From torch 2.7 on ``destroy_process_group`` shuts every group down. Before, it drops them without a word, and ranks
drop them at different times: too late to disconnect together.
"""

from __future__ import annotations

import functools
from typing import Any, Callable, List

import torch.distributed
from torch.distributed import ProcessGroup, distributed_c10d

from .group import CclProcessGroup

_MARK = "_ipexenv_shuts_down"


def shut_down_first() -> None:
    """Let ``destroy_process_group`` shut our groups down first, where torch does not; done once."""
    usual = distributed_c10d.destroy_process_group
    if hasattr(ProcessGroup, "shutdown") or hasattr(usual, _MARK):
        return

    @functools.wraps(usual)
    def destroy_process_group(group: Any = None) -> Any:
        for named in _groups(group):
            named.shutdown()
        return usual(group)

    setattr(destroy_process_group, _MARK, True)
    for module in (distributed_c10d, torch.distributed):
        function: Callable[..., Any] = destroy_process_group
        module.destroy_process_group = function


def _groups(group: Any) -> List[CclProcessGroup]:
    """Return our groups that the call destroys, in an order that is the same on all ranks."""
    if isinstance(group, CclProcessGroup) and group is not torch.distributed.group.WORLD:
        return [group]
    names = distributed_c10d._world.pg_names  # noqa: SLF001 (nothing else lists the groups)
    if group is not None and group is not torch.distributed.group.WORLD:
        return []
    ours = [known for known in names if isinstance(known, CclProcessGroup)]
    return sorted(ours, key=lambda known: str(names[known]), reverse=True)
