"""One collective on its way: what torch waits for."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from typing import Any, Callable, List, Optional, Sequence

import torch
from torch._C._distributed_c10d import Work

from . import cpus
from .errors import CclTimeoutError


class CclWork(Work):
    """A collective that was handed to its group's thread.

    ``call`` runs on that thread and does everything, conversion of the results included; ``wait`` returns once it has.
    """

    is_near = False
    """Whether it goes through shared memory, past oneCCL."""

    is_waited_for = False
    """Whether somebody has waited for it to the end."""

    def __init__(
        self, name: str, number: int, call: Callable[[], None], result: Sequence[Any], timeout_s: float
    ) -> None:
        """Hold what is to be done; the time runs from the moment that its turn comes."""
        super().__init__()
        self.name = name
        self.number = number
        self.call: Optional[Callable[[], None]] = call
        self.outputs: List[Any] = list(result)
        self.timeout_s = timeout_s
        self.since: Optional[float] = None
        self.error: Optional[BaseException] = None
        self._done = False
        self._gate = threading.Lock()
        self._gate.acquire()
        self._turn = threading.Lock()
        self._future: Any = None

    def run(self) -> None:
        """Do the work, on the group's thread."""
        call = self.call
        if call is None:  # given up meanwhile
            return
        try:
            call()
        except BaseException as error:  # noqa: BLE001 (whoever waits gets it)
            self.finish(error)
        else:
            self.finish(None)

    def begin(self) -> None:
        """Note that the turn of this work has come."""
        self.since = time.monotonic()

    def finish(self, error: Optional[BaseException]) -> None:
        """Mark the work as ended; only the first call counts (a watcher may give up on a call that ends later)."""
        with self._turn:
            if self._done:
                return
            self.error = error
            self.call = None
            self._done = True
            future = self._future
        self._gate.release()
        if future is not None:
            self._settle(future)

    def _settle(self, future: Any) -> None:
        if self.error is None:
            future.set_result(self.outputs)
        else:
            future.set_exception(self.error)

    def wait(self, timeout: Optional[timedelta] = None) -> bool:
        """Return once the collective is done; raise what it failed with, or ``CclTimeoutError`` after ``timeout``."""
        if not self._done:
            mask = cpus.come()
            try:
                self._await(timeout.total_seconds() if timeout else 0.0)
            finally:
                if mask is not None:
                    cpus.put_back(mask)
        self.is_waited_for = True
        if self.error is not None:
            raise self.error
        return True

    def _await(self, limit_s: float) -> None:
        if not self._gate.acquire(timeout=limit_s if limit_s > 0 else -1):
            raise CclTimeoutError(f"{self} has not ended {limit_s:g} s after wait() was called")
        self._gate.release()

    def synchronize(self) -> None:
        """Return once the collective is done."""
        self.wait()

    def is_completed(self) -> bool:
        """Say whether the collective has ended, well or not."""
        return self._done

    def is_over(self) -> bool:
        """Say whether it has ended and somebody has taken note: it will hardly be asked again."""
        return self._done and (self.is_waited_for or self._future is not None)

    def is_success(self) -> bool:
        """Say whether the collective has ended well."""
        return self._done and self.error is None

    def exception(self) -> Optional[BaseException]:
        """Return what the collective failed with."""
        return self.error

    def result(self) -> List[Any]:
        """Return the output tensors, once the collective is done."""
        self.wait()
        return self.outputs

    def get_future(self) -> Any:
        """Return a future of the output tensors."""
        with self._turn:
            if self._future is not None:
                return self._future
            self._future = future = torch.futures.Future()
            done = self._done
        if done:
            self._settle(future)
        return future

    def __str__(self) -> str:
        """Return name, place in the order of the group's collectives, and the tensors it works on."""
        shown = [f"{str(tensor.dtype)[6:]}{list(tensor.shape)}" for tensor in self.outputs[:3]]
        more = ["..."] if len(self.outputs) > len(shown) else []
        return f"{self.name} #{self.number} ({', '.join(shown + more) or 'no tensor'})"


class EndedWork(CclWork):
    """A collective that had ended before anybody could wait for it."""

    _done = True
    _turn = threading.Lock()

    def __init__(self, name: str, number: int, result: Sequence[Any], error: Optional[BaseException]) -> None:
        """Hold what it was and what came out."""
        Work.__init__(self)
        self.name = name
        self.number = number
        self.outputs = list(result)
        self.error = error
        self._future = None
