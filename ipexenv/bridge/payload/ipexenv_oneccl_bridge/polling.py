"""A store that never waits inside the store behind it.

A client of torch's TCPStore serves one thread at a time, also while that one waits for a key. Two connections that are
made side by side would so wait for each other's ranks; here they ask, sleep and ask again.
"""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any, List, Optional

from torch.distributed import Store

from . import background
from .asking import has, mark, put
from .errors import CclTimeoutError

PERIOD_S = 0.005


class PollingStore(Store):
    """Looks for keys under a prefix of another store, for at most ``timeout_s`` each."""

    def __init__(self, store: Any, prefix: str, timeout_s: float) -> None:
        """Stand before ``store``."""
        super().__init__()
        self._store = store
        self._prefix = prefix
        self._timeout_s = timeout_s

    def set(self, key: str, value: Any) -> None:
        """Set a key."""
        put(self._store, f"{self._prefix}/{key}", value)

    def get(self, key: str) -> Any:
        """Return the value of a key once there is one."""
        self.wait([key])
        return self._store.get(f"{self._prefix}/{key}")

    def add(self, key: str, amount: int) -> int:
        """Add to a number and return it."""
        number = int(self._store.add(f"{self._prefix}/{key}", amount))
        mark(self._store, f"{self._prefix}/{key}")
        return number

    def check(self, keys: List[str]) -> bool:
        """Say whether all keys are there."""
        return all(has(self._store, f"{self._prefix}/{key}") for key in keys)

    def wait(self, keys: List[str], timeout: Optional[timedelta] = None) -> None:
        """Return once all keys are there; raise ``CclTimeoutError`` when that takes too long."""
        limit_s = timeout.total_seconds() if timeout else self._timeout_s
        deadline = time.monotonic() + limit_s
        while not self.check(keys):
            if time.monotonic() > deadline:
                raise CclTimeoutError(f"the other rank has not come within {limit_s:g} s")
            background.pause(PERIOD_S)
