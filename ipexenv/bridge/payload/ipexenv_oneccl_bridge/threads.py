"""Keeping torch's arithmetic on the thread that asks for it.

torch shares work on larger tensors out to OpenMP threads. For what a collective adds up that is no gain, and where the
ranks together have more such threads than the host has CPUs, it takes a hundred times as long.
"""

from __future__ import annotations

import ctypes
import os
from contextlib import suppress
from typing import Any, Callable, Iterator, List

import torch

SHARED_OUT_ABOVE = 32768
"""Elements: up to here torch works on one thread anyway (``at::internal::GRAIN_SIZE``)."""

_setters: List[Callable[[int], Any]] = []
"""OpenMP's ``omp_set_num_threads``, which is for the calling thread alone; empty until it was looked for."""


def _find() -> Callable[[int], Any]:
    """Return the function that torch really obeys: another OpenMP may have been loaded before torch's own."""
    before = torch.get_num_threads()
    other = 1 if before > 1 else 2
    for path in (None, os.path.join(os.path.dirname(torch.__file__), "lib", "libtorch_cpu.so")):
        with suppress(OSError, AttributeError):
            function: Any = ctypes.PyDLL(path).omp_set_num_threads
            function.argtypes, function.restype = (ctypes.c_int,), None
            function(other)
            obeyed = torch.get_num_threads() == other
            function(before)
            if obeyed:
                found: Callable[[int], Any] = function
                return found
    return lambda count: None  # noqa: ARG005 (a torch without OpenMP)


def set_here(count: int) -> None:
    """Let torch use so many threads for what this thread asks of it, from now on."""
    if not _setters:
        _setters.append(_find())
    _setters[0](count)


def on_one_thread(steps: Iterator[None], count: int) -> Iterator[None]:
    """Return the steps of something that works on ``count`` elements, each done by the thread that takes it alone."""
    return steps if count <= SHARED_OUT_ABOVE or torch.get_num_threads() == 1 else _one_by_one(steps)


def _one_by_one(steps: Iterator[None]) -> Iterator[None]:
    while True:
        before = torch.get_num_threads()
        set_here(1)
        try:
            next(steps)
        except StopIteration:
            return
        finally:
            set_here(before)
        yield
