"""The process group that torch sees: the methods that ``torch.distributed`` calls, under every name they had."""

from __future__ import annotations

from collections import deque
from datetime import timedelta
from functools import partial
from typing import Any, Callable, Deque, List, Optional, Sequence

from torch.distributed import ProcessGroup

from . import agreement, arguments, moving, reducing
from . import tensors as buffers
from .datatypes import reduction
from .engine import Engine
from .errors import CclInputError
from .near import Steps
from .pairs import Pairs
from .work import CclWork

KEPT_WORKS = 64
"""Older torch holds only the C++ half of a work that was returned to it; the Python halves are kept a while for it."""

Tensors = Sequence[Any]


class CclProcessGroup(ProcessGroup):
    """A group of ranks that communicate over oneCCL."""

    def __init__(self, engine: Engine, store: Any) -> None:
        """Put the engine behind torch's interface; ``store`` is the group's own part of the store."""
        super().__init__(engine.rank, engine.size)
        self._engine = engine
        self._comm = engine.communicator
        self._pairs = Pairs(store, engine.rank, engine.size, engine.timeout_s)
        self._is_checked = agreement.is_wanted()
        self._kept: Deque[CclWork] = deque(maxlen=KEPT_WORKS)
        self._name = engine.name
        self._description = "undefined"
        self._coalesced: Optional[List[CclWork]] = None
        self._sequence = 0

    def _do(self, what: str, call: Callable[[], None], result: Tensors, opts: Any, *same: Any) -> CclWork:
        """Queue a collective; ``same`` is what must be the same on all ranks.

        That is compared within a host, and between hosts when torch debugs.
        """
        words = agreement.words(what, same)
        parts = getattr(call, "parts", None)
        if self._is_checked:
            call = agreement.checked(self._comm, words, call)
        return self._keep(self._engine.submit(what, call, result, arguments.timeout_s(opts), words, parts))

    def _keep(self, work: CclWork) -> CclWork:
        self._sequence += 1
        while self._kept and self._kept[0].is_over():  # they hold tensors
            self._kept.popleft()
        self._kept.append(work)
        if self._coalesced is not None:
            self._coalesced.append(work)
        return work

    def _hurry(self, what: str, steps: Steps, result: Tensors, opts: Any, *same: Any) -> Optional[CclWork]:
        """Do a collective between ranks of this host, as ``_do`` does others.

        Return ``None`` for one that the caller would wait for at once (torch 2.8 on says so), and that has ended.
        """
        if self._is_checked:
            return self._do(what, self._engine.following(steps), result, opts, *same)
        stays = self._coalesced is None and not getattr(opts, "asyncOp", True)
        work = self._engine.exchange(what, steps, result, partial(arguments.timeout_s, opts), stays=stays)
        if work is not None:
            return self._keep(work)
        self._sequence += 1
        return None

    # Collectives that compute.

    def allreduce(self, tensors: Tensors, opts: Any = None) -> Optional[CclWork]:
        """Reduce a tensor over all ranks, to all ranks."""
        tensor = buffers.single(tensors, "allreduce")
        op = arguments.op(opts)
        near = self._engine.near
        plan = None if near is None else near.plan(tensor)
        if near is not None and plan is not None:
            steps = near.all_reduce(tensor, plan, reduction(tensor.dtype, op, "allreduce"))
            return self._hurry("allreduce", steps, tensors, opts, tensor.dtype, tensor.numel(), op)
        call = reducing.all_reduce(self._comm, tensor, op)
        return self._do("allreduce", call, tensors, opts, tensor.dtype, tensor.numel(), op)

    def allreduce_coalesced(self, tensors: Tensors, opts: Any = None) -> CclWork:
        """Reduce several tensors over all ranks, to all ranks."""
        for tensor in tensors:
            buffers.check(tensor, "allreduce_coalesced")
        call = reducing.all_reduce_coalesced(self._comm, tensors, arguments.op(opts))
        return self._do("allreduce_coalesced", call, tensors, opts, *arguments.shape(tensors), arguments.op(opts))

    def reduce(self, tensors: Tensors, opts: Any) -> CclWork:
        """Reduce a tensor over all ranks, to one rank."""
        tensor = buffers.single(tensors, "reduce")
        call = reducing.reduce(self._comm, tensor, arguments.op(opts), opts.rootRank)
        return self._do("reduce", call, tensors, opts, *arguments.shape(tensors), arguments.op(opts), opts.rootRank)

    def reduce_scatter(self, outputs: Tensors, inputs: Sequence[Tensors], opts: Any = None) -> CclWork:
        """Reduce one tensor for each rank; each rank keeps its own."""
        output = buffers.single(outputs, "reduce_scatter")
        call = reducing.reduce_scatter(self._comm, output, arguments.only(inputs, "reduce_scatter"), arguments.op(opts))
        return self._do("reduce_scatter", call, outputs, opts, *arguments.shape(inputs[0]), arguments.op(opts))

    def reduce_scatter_single(self, output: Any, given: Any, opts: Any = None) -> CclWork:
        """Reduce one tensor; each rank keeps its own part."""
        arguments.check_both(output, given, "reduce_scatter_tensor")
        call = reducing.reduce_scatter_base(self._comm, output, given, arguments.op(opts))
        return self._do("reduce_scatter_tensor", call, [output], opts, *arguments.shape([given]), arguments.op(opts))

    def reduce_scatter_single_coalesced(self, outputs: Tensors, inputs: Tensors, opts: Any = None) -> CclWork:
        """Reduce several tensors; each rank keeps its own parts."""
        for output, given in zip(outputs, inputs):
            arguments.check_both(output, given, "reduce_scatter_tensor_coalesced")
        call = reducing.reduce_scatter_coalesced(self._comm, outputs, inputs, arguments.op(opts))
        return self._do(
            "reduce_scatter_tensor_coalesced", call, outputs, opts, *arguments.shape(inputs), arguments.op(opts)
        )

    _reduce_scatter_base = reduce_scatter_single
    reduce_scatter_tensor_coalesced = reduce_scatter_single_coalesced

    # Collectives that move.

    def broadcast(self, tensors: Tensors, opts: Any) -> CclWork:
        """Copy a tensor from one rank to all."""
        tensor = buffers.single(tensors, "broadcast")
        call = moving.broadcast(self._comm, tensor, opts.rootRank)
        return self._do("broadcast", call, tensors, opts, *arguments.shape(tensors), opts.rootRank)

    def allgather(self, output_lists: Sequence[Tensors], inputs: Tensors, opts: Any = None) -> CclWork:
        """Copy a tensor of every rank to all ranks."""
        outputs = arguments.only(output_lists, "all_gather")
        call = moving.all_gather(self._comm, outputs, buffers.single(inputs, "all_gather"))
        return self._do("all_gather", call, outputs, opts, *arguments.shape(outputs))

    def all_gather_single(self, output: Any, given: Any, opts: Any = None) -> CclWork:
        """Copy a tensor of every rank into one tensor of all ranks."""
        arguments.check_both(output, given, "all_gather_into_tensor")
        call = moving.all_gather_base(self._comm, output, given)
        return self._do("all_gather_into_tensor", call, [output], opts, *arguments.shape([given]))

    def all_gather_single_coalesced(self, outputs: Tensors, inputs: Tensors, opts: Any = None) -> CclWork:
        """Copy several tensors of every rank into as many of all ranks."""
        for output, given in zip(outputs, inputs):
            arguments.check_both(output, given, "all_gather_into_tensor_coalesced")
        call = moving.all_gather_base_coalesced(self._comm, outputs, inputs)
        return self._do("all_gather_into_tensor_coalesced", call, outputs, opts, *arguments.shape(inputs))

    def allgather_coalesced(self, output_lists: Sequence[Tensors], inputs: Tensors, opts: Any = None) -> CclWork:
        """Copy several tensors of every rank; list ``i`` receives those of rank ``i``."""
        for tensor in inputs:
            buffers.check(tensor, "all_gather_coalesced")
        call = moving.all_gather_coalesced(self._comm, output_lists, inputs)
        outputs = [tensor for row in output_lists for tensor in row]
        return self._do("all_gather_coalesced", call, outputs, opts, *arguments.shape(outputs))

    _allgather_base = all_gather_single
    allgather_into_tensor_coalesced = all_gather_single_coalesced

    def gather(self, output_lists: Sequence[Tensors], inputs: Tensors, opts: Any) -> CclWork:
        """Copy a tensor of every rank to one rank."""
        tensor = buffers.single(inputs, "gather")
        outputs = arguments.only(output_lists, "gather") if self._engine.rank == opts.rootRank else []
        call = moving.gather(self._comm, outputs, tensor, opts.rootRank)
        return self._do("gather", call, outputs, opts, tensor.dtype, opts.rootRank)

    def scatter(self, outputs: Tensors, input_lists: Sequence[Tensors], opts: Any) -> CclWork:
        """Copy one tensor to each rank from one rank."""
        output = buffers.single(outputs, "scatter")
        given = arguments.only(input_lists, "scatter") if self._engine.rank == opts.rootRank else []
        call = moving.scatter(self._comm, output, given, opts.rootRank)
        return self._do("scatter", call, outputs, opts, output.dtype, opts.rootRank)

    def all_to_all_single(
        self, output: Any, given: Any, output_splits: Sequence[int], input_splits: Sequence[int], opts: Any = None
    ) -> CclWork:
        """Exchange parts of one tensor between all ranks."""
        buffers.check(output, "all_to_all_single")
        buffers.check(given, "all_to_all_single")
        call = moving.all_to_all_base(self._comm, output, given, output_splits, input_splits)
        return self._do("all_to_all_single", call, [output], opts, output.dtype)

    alltoall_base = all_to_all_single

    def alltoall(self, outputs: Tensors, inputs: Tensors, opts: Any = None) -> CclWork:
        """Exchange one tensor between each pair of ranks."""
        call = moving.all_to_all(self._comm, outputs, inputs)
        return self._do("all_to_all", call, outputs, opts, *[tensor.dtype for tensor in outputs[:1]])

    def barrier(self, opts: Any = None) -> CclWork:
        """Wait for all ranks."""
        return self._do("barrier", moving.barrier(self._comm), [], opts)

    # Point to point.

    def send(self, tensors: Tensors, peer: int, tag: int = 0) -> Any:
        """Send a tensor to one rank."""
        return self._pairs.send(tensors, peer, tag)

    def recv(self, tensors: Tensors, peer: int, tag: int = 0) -> Any:
        """Receive a tensor from one rank."""
        return self._pairs.recv(tensors, peer, tag)

    def recv_anysource(self, tensors: Tensors, tag: int = 0) -> Any:  # noqa: ARG002 (torch calls it so)
        """Refuse: each pair of ranks has its own connection."""
        raise CclInputError("recv: the ccl backend receives from a rank that is named (src=...), not from any")

    # What torch asks of every group.

    def rank(self) -> int:
        """Return this rank's place in the group."""
        return self._engine.rank

    def size(self) -> int:
        """Return how many ranks the group has."""
        return self._engine.size

    getRank, getSize = rank, size  # noqa: N815 (what torch's C++ side calls)

    def name(self) -> str:
        """Return the name of the backend."""
        return "ccl"

    getBackendName = _get_backend_name = name  # noqa: N815 (what torch's C++ side calls)

    def _set_group_name(self, name: str) -> None:
        self._name = name

    def _set_group_desc(self, description: str) -> None:
        self._description = description

    setGroupName, setGroupDesc = _set_group_name, _set_group_desc  # noqa: N815 (what torch's C++ side calls)

    def getGroupName(self) -> str:  # noqa: N802 (what torch's C++ side calls)
        """Return the name that torch gave the group."""
        return self._name

    def getGroupDesc(self) -> str:  # noqa: N802 (what torch's C++ side calls)
        """Return the description that the program gave the group."""
        return self._description

    group_name = property(getGroupName)
    group_desc = property(getGroupDesc)

    def shutdown(self) -> None:
        """Let what is queued end, and disconnect."""
        self._engine.close()
        self._pairs.close()

    def abort(self) -> None:
        """Fail what is queued."""
        self._engine.abort()

    def set_timeout(self, timeout: timedelta) -> None:
        """Give later collectives another time."""
        self._engine.timeout_s = timeout.total_seconds()

    _set_default_timeout = set_timeout

    def _start_coalescing(self, device: Any) -> None:  # noqa: ARG002 (torch calls it so)
        self._coalesced = []

    def _end_coalescing(self, device: Any, given: Any = None) -> Optional[CclWork]:  # noqa: ARG002 (torch 2.0 gives works)
        works, self._coalesced = self._coalesced or [], None
        return works[-1] if works else None

    def _set_sequence_number_for_group(self) -> None:
        """Do nothing: the number counts from 0 on every rank."""

    def _get_sequence_number_for_group(self) -> int:
        return self._sequence

    def _get_backend(self, device: Any) -> CclProcessGroup:  # noqa: ARG002 (torch calls it so)
        return self

    supports_splitting = supports_coalescing = supports_time_estimate = False
