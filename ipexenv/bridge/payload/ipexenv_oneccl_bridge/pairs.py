"""send and recv: each pair of ranks that talks gets a connection of its own, made by torch's gloo at the first word.

oneCCL's own point-to-point calls block, know no tags, and would stand in the queue of the collectives: two ranks that
first send and then receive would wait for each other. gloo knows tags, matches out of order and gives up in time.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from datetime import timedelta
from typing import Any, Callable, Deque, Dict, List, Optional, Sequence, Tuple

import torch
from torch._C._distributed_c10d import Work
from torch.distributed import ProcessGroupGloo

from . import background, interfaces
from . import tensors as buffers
from .errors import CclError, CclInputError, CclTimeoutError
from .polling import PollingStore

SENDS, RECEIVES = "send", "recv"


class PairWork(Work):
    """One send or receive on its way."""

    def __init__(self, what: str, target: Any, buffer: Any, source: int, timeout_s: float) -> None:
        """Hold the tensor that was given and the dense buffer that travels."""
        super().__init__()
        self.what = what
        self._target = target
        self._buffer = buffer
        self._source = source
        self._timeout_s = timeout_s
        self._since = time.monotonic()
        self._issued = threading.Event()
        self._inner: Any = None
        self._error: Optional[BaseException] = None
        self._settled = False

    def begin(self, issue: Callable[[], Any]) -> None:
        """Hand the buffer to gloo."""
        try:
            self._inner = issue()
        except Exception as error:  # noqa: BLE001 (whoever waits gets it)
            self._error = CclError(f"{self.what}: {error}")
        self._issued.set()

    def fail(self, error: BaseException) -> None:
        """End the work with an error."""
        self._error = error
        self._issued.set()

    def wait(self, timeout: Optional[timedelta] = None) -> bool:
        """Return once the tensor was sent or has arrived; raise ``CclTimeoutError`` when it takes too long."""
        if self._settled:
            return True
        given_s = timeout.total_seconds() if timeout else 0.0
        limit_s = given_s if given_s > 0 else self._timeout_s
        left_s = limit_s if given_s > 0 else max(0.0, self._since + limit_s - time.monotonic())
        if not self._issued.wait(left_s):
            raise CclTimeoutError(f"{self.what}: not connected within {limit_s:g} s")
        if self._error is not None:
            raise self._error
        self._wait_for_gloo(max(0.001, left_s), limit_s)
        if self._buffer is not self._target and self._source >= 0:
            buffers.settle(self._target, self._buffer)
        self._settled = True
        return True

    def _wait_for_gloo(self, left_s: float, limit_s: float) -> None:
        began = time.monotonic()
        try:
            self._inner.wait(timedelta(seconds=left_s))
        except RuntimeError as error:
            if time.monotonic() - began >= left_s - 0.1:
                raise CclTimeoutError(f"{self.what} has not ended within {limit_s:g} s") from error
            raise CclError(f"{self.what}: the connection broke: {error}") from error

    def is_completed(self) -> bool:
        """Say whether the work has ended."""
        if self._settled or self._error is not None:
            return True
        return self._inner is not None and bool(self._inner.is_completed())

    def is_success(self) -> bool:
        """Say whether the work has ended well."""
        return self.is_completed() and self._error is None

    def exception(self) -> Optional[BaseException]:
        """Return what the work failed with."""
        return self._error

    def synchronize(self) -> None:
        """Return once the work is done."""
        self.wait()

    def result(self) -> List[Any]:
        """Return the tensor, once the work is done."""
        self.wait()
        return [self._target]

    def get_future(self) -> Any:
        """Return a future of the tensor; a thread waits for it."""
        future = torch.futures.Future()

        def settle() -> None:
            try:
                self.wait()
            except Exception as error:  # noqa: BLE001 (whoever waits gets it)
                future.set_exception(error)
            else:
                future.set_result([self._target])

        background.spawn(settle, "ccl-pair-future")
        return future

    def source_rank(self) -> int:
        """Return the rank that the tensor came from."""
        return self._source

    def _source_rank(self) -> int:
        return self._source


class Pair:
    """The connection between this rank and one other; works wait in line until it stands."""

    def __init__(self, connect: Callable[[], Any], peer: int) -> None:
        """Start connecting on a thread, for the other rank may come later."""
        self._connect = connect
        self._peer = peer
        self._gloo: Any = None
        self._error: Optional[CclError] = None
        self._lock = threading.Lock()
        self._waiting: Deque[Tuple[PairWork, Callable[[Any], Any]]] = deque()
        background.spawn(self._run, f"ccl-pair-{peer}")

    def _run(self) -> None:
        gloo: Any = None
        error: Optional[CclError] = None
        try:
            gloo = self._connect()
        except Exception as reason:  # noqa: BLE001 (whoever waits gets it)
            error = CclError(f"no connection to rank {self._peer}: {reason}")
        with self._lock:
            self._gloo, self._error = gloo, error
            while self._waiting:
                self._issue(*self._waiting.popleft())

    def do(self, work: PairWork, issue: Callable[[Any], Any]) -> None:
        """Begin a work, now or once connected, in the order of these calls."""
        with self._lock:
            if self._gloo is None and self._error is None:
                self._waiting.append((work, issue))
            else:
                self._issue(work, issue)

    def _issue(self, work: PairWork, issue: Callable[[Any], Any]) -> None:
        if self._error is not None:
            work.fail(self._error)
        else:
            work.begin(lambda: issue(self._gloo))


class Pairs:
    """All connections of one rank of a group."""

    def __init__(self, store: Any, rank: int, size: int, timeout_s: float) -> None:
        """Remember how to connect; nothing is connected yet."""
        self._store = store
        self._rank = rank
        self._size = size
        self._timeout_s = timeout_s
        self._pairs: Dict[int, Pair] = {}

    def send(self, tensors: Sequence[Any], peer: int, tag: int) -> PairWork:
        """Send a tensor."""
        tensor = self._checked(tensors, peer, SENDS)
        buffer = tensor.detach().contiguous()
        work = PairWork(f"send of {_shown(tensor)} to rank {peer}", tensor, buffer, -1, self._timeout_s)
        place = 1 - self._place(peer)
        self._pair(peer).do(work, lambda gloo: gloo.send([_bytes(buffer)], place, tag))
        return work

    def recv(self, tensors: Sequence[Any], peer: int, tag: int) -> PairWork:
        """Receive a tensor."""
        tensor = self._checked(tensors, peer, RECEIVES)
        buffer = (
            tensor.detach()
            if tensor.is_contiguous()
            else torch.empty_like(tensor, memory_format=torch.contiguous_format)
        )
        work = PairWork(f"recv of {_shown(tensor)} from rank {peer}", tensor, buffer, peer, self._timeout_s)
        place = 1 - self._place(peer)
        self._pair(peer).do(work, lambda gloo: gloo.recv([_bytes(buffer)], place, tag))
        return work

    def close(self) -> None:
        """Forget the connections; what is still under way on them fails."""
        self._pairs.clear()

    def _checked(self, tensors: Sequence[Any], peer: int, what: str) -> Any:
        tensor = buffers.single(tensors, what)
        buffers.check_root(peer, self._size, what)
        if peer == self._rank:
            raise CclInputError(f"{what}: rank {peer} is this rank itself")
        return tensor

    def _place(self, peer: int) -> int:
        """Return this rank's place in the pair: the lower rank is 0."""
        return int(self._rank > peer)

    def _pair(self, peer: int) -> Pair:
        pair = self._pairs.get(peer)
        if pair is None:
            pair = self._pairs[peer] = Pair(lambda: self._connect(peer), peer)
        return pair

    def _connect(self, peer: int) -> Any:
        low, high = sorted((self._rank, peer))
        options = ProcessGroupGloo._Options()  # noqa: SLF001 (torch makes its own this way)
        options._devices = [_device()]  # noqa: SLF001 (as above)
        options._timeout = timedelta(seconds=self._timeout_s)  # noqa: SLF001 (as above)
        store = PollingStore(self._store, f"pair/{low}-{high}", self._timeout_s)
        return ProcessGroupGloo(store, self._place(peer), 2, options)


def _device() -> Any:
    """Return gloo's device on the interface that oneCCL uses; the user's ``GLOO_SOCKET_IFNAME`` wins."""
    chosen = os.environ.get("GLOO_SOCKET_IFNAME") or os.environ.get("CCL_KVS_IFACE", "").rpartition(":")[2]
    if chosen in interfaces.names():
        return ProcessGroupGloo.create_device(interface=chosen)
    return ProcessGroupGloo.create_default_device()


def _bytes(buffer: Any) -> Any:
    """Return the buffer as bytes, so that gloo takes every type; a lone element may have any stride."""
    count = buffer.numel()
    return buffer.as_strided((count,), (1,)).view(torch.uint8) if count else torch.zeros(0, dtype=torch.uint8)


def _shown(tensor: Any) -> str:
    return f"{str(tensor.dtype)[6:]}{list(tensor.shape)}"
