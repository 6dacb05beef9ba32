"""Do several things at once and wait for them no longer than agreed."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_T = TypeVar("_T")


def in_parallel(jobs: Sequence[Callable[[], _T]], *, limit_s: float) -> list[_T | None]:
    """Run every job in a thread of its own and return the results in order, None for one that is not done in time.

    A thread that is late is left behind and ends with the process. What a job raises is raised here.
    """
    deadline = time.monotonic() + limit_s
    workers = [_Worker(job) for job in jobs]
    for worker in workers:
        worker.join(max(0.0, deadline - time.monotonic()))
    for worker in workers:
        if worker.error is not None:
            raise worker.error
    return [worker.result for worker in workers]


class _Worker(threading.Thread, Generic[_T]):
    def __init__(self, job: Callable[[], _T]) -> None:
        super().__init__(daemon=True, name="ipexenv-survey")
        self.result: _T | None = None
        self.error: BaseException | None = None
        self._job = job
        self.start()

    def run(self) -> None:
        try:
            self.result = self._job()
        except BaseException as error:  # noqa: BLE001 (raised again by the thread that waits)
            self.error = error
