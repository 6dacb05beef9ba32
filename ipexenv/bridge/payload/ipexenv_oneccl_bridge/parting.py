"""Agreeing to destroy a group, over the store.

oneCCL disconnects together or not at all: a rank that does so after rank 0 has left is aborted by oneCCL itself, and
one that does so alone waits for ever. So all ranks say that they are about to, rank 0 decides, and stays until all have
disconnected. Where they do not come together in time the connection is left to the end of the process.
"""

from __future__ import annotations

import time
from typing import Any, Callable

from .asking import has, put
from .census import POLL_S

TOGETHER, ALONE = "together", "alone"

DECIDING_S = 5.0
"""How long a rank that comes second waits for what the first one decides."""


def agreed(store: Any, rank: int, size: int, *, limit_s: float) -> bool:
    """Return, the same on every rank, whether all ranks came within ``limit_s`` to destroy the group."""
    put(store, f"leaving/{rank}", "1")
    if rank == 0:
        came = _until(lambda: all(has(store, f"leaving/{other}") for other in range(1, size)), limit_s)
        return _decide(store, TOGETHER if came else ALONE) == TOGETHER
    if _until(lambda: has(store, "verdict"), limit_s):
        return bool(store.get("verdict").decode() == TOGETHER)
    return _decide(store, ALONE) == TOGETHER


def stay_for_the_others(store: Any, rank: int, size: int, *, limit_s: float) -> None:
    """Say that this rank has disconnected; on rank 0, whom oneCCL needs for it, wait until all have."""
    put(store, f"gone/{rank}", "1")
    if rank == 0:
        _until(lambda: all(has(store, f"gone/{other}") for other in range(size)), limit_s)


def _decide(store: Any, verdict: str) -> str:
    """Set the verdict unless another rank was first; return the one that holds."""
    if store.add("deciding", 1) == 1:
        put(store, "verdict", verdict)
        return verdict
    return str(store.get("verdict").decode()) if _until(lambda: has(store, "verdict"), DECIDING_S) else ALONE


def _until(holds: Callable[[], bool], limit_s: float) -> bool:
    deadline = time.monotonic() + limit_s
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_S)
    return True
