"""The thread of one group: it runs the group's collectives one after the other, in the order they were called."""

from __future__ import annotations

import os
import threading
import weakref
from collections import deque
from contextlib import nullcontext, suppress
from queue import SimpleQueue
from typing import Any, Callable, Deque, Optional, Tuple

import torch

from . import background, threads
from .work import CclWork

ONE_AT_A_TIME = threading.Lock()
"""Held inside oneCCL where it allows one thread only (``CCL_WORKER_OFFLOAD=0``)."""

AT_EXIT_S = 1.0
"""How long the end of the process waits for a lane that has nothing to wait for itself."""

INSIDE_S = 0.2
"""The same for one that is inside oneCCL, or was so a moment ago."""


class Lane:
    """Runs works on a thread of its own; Python's lock is free while oneCCL communicates."""

    def __init__(self, name: str, *, cpu: Optional[int], serial: bool) -> None:
        """Start the thread, on ``cpu`` if one is given; ``serial`` lets one lane of the process work at a time."""
        self.pending: Deque[CclWork] = deque()
        self.order = threading.RLock()
        """Held while a work takes its place in the order of the group's works."""
        self._queue: SimpleQueue[Optional[CclWork]] = SimpleQueue()
        self._cpu = cpu
        self._guard: Any = ONE_AT_A_TIME if serial else nullcontext()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()
        _lanes.add(self)

    def submit(self, work: CclWork) -> CclWork:
        """Queue a work."""
        with self.order:
            self.pending.append(work)
            self._queue.put(work)
        return work

    def is_idle(self) -> bool:
        """Say whether all works that were queued have ended; ask while holding ``order``."""
        try:
            return not self.pending or self.pending[-1].is_completed()
        except IndexError:  # the last one has just gone
            return True

    def run_here(self, work: CclWork) -> CclWork:
        """Run a work on the calling thread, while holding ``order`` and the lane is idle."""
        self.pending.append(work)
        work.begin()
        work.run()
        self.pending.popleft()
        return work

    def oldest(self) -> Optional[CclWork]:
        """Return the work that is running or next to run."""
        try:
            return self.pending[0]
        except IndexError:
            return None

    def give_up(self, error: BaseException) -> None:
        """Fail everything queued. The thread may stay inside oneCCL for ever; it cannot be brought back from there."""
        self._queue.put(None)
        for work in tuple(self.pending):
            work.finish(error)

    def stop(self, timeout_s: float) -> bool:
        """Let the queue run empty, end the thread, and say whether it ended in time."""
        self._queue.put(None)
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def forget(self) -> None:
        """Let the queue run empty, and the thread end then: nobody is left to queue anything."""
        self._queue.put(None)

    def end(self) -> bool:
        """Stop at the end of the process, and say whether it did: a call that waits for other ranks is left alone."""
        oldest = self.oldest()
        waits = oldest is not None and not oldest.is_completed() and not oldest.is_near
        return self.stop(INSIDE_S if waits else AT_EXIT_S)

    def _run(self) -> None:
        _settle_on(self._cpu)
        while True:
            work = self._queue.get()
            if work is None:
                return
            work.begin()
            with self._guard:
                work.run()
            self.pending.popleft()
            del work  # it holds tensors


_lanes: weakref.WeakSet[Lane] = weakref.WeakSet()


def end_all() -> bool:
    """End all lanes of the process, and say whether all of them have.

    A thread that comes back from torch's C++ into an interpreter which is being taken down aborts the process.
    """
    ended = [lane.end() for lane in tuple(_lanes)]
    return all(ended)


def _settle_on(cpu: Optional[int]) -> None:
    """Keep this thread on one CPU, and its tensor arithmetic on this thread.

    Without the latter a division here would start a second set of OpenMP threads beside the trainer's. torch sets up
    each thread on its first use, hence the question before the answer is changed.
    """
    if cpu is not None:
        with suppress(OSError):  # not allowed here (any more): slower, not wrong
            os.sched_setaffinity(0, {cpu})
    torch.get_num_threads()
    threads.set_here(1)


def run_once(call: Callable[[], Any], timeout_s: float, name: str) -> Tuple[bool, Any]:
    """Run a call that may hang on a thread of its own; return whether it ended in time, and its value.

    What it raises is raised here.
    """
    box: Deque[Tuple[Any, Optional[BaseException]]] = deque()

    def target() -> None:
        try:
            box.append((call(), None))
        except BaseException as error:  # noqa: BLE001 (raised below)
            box.append((None, error))

    background.spawn(target, name).join(timeout_s)
    if not box:
        return False, None
    value, error = box[0]
    if error is not None:
        raise error
    return True, value
