from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from ipexenv.system.kernel import LinuxKernel
from tests.fakes import FakeKernel

if TYPE_CHECKING:
    from ipexenv.system.kernel import Kernel

KERNELS = pytest.mark.parametrize("kernel", [LinuxKernel(), FakeKernel(), FakeKernel(amx=True, xfeatures=0x602E7)])


@KERNELS
def test_what_every_kernel_promises(kernel: Kernel) -> None:
    assert kernel.request_amx() in {None, True, False}
    mask = kernel.supported_xfeatures()
    assert mask is None or mask & 0b11 == 0b11  # x87 and SSE state, without which no 64-bit program runs
    units = kernel.affinity()
    assert units is None or (units and all(unit >= 0 for unit in units))
    size = kernel.filesystem_bytes("/")
    assert size is None or size > 0


@KERNELS
def test_amx_needs_its_state(kernel: Kernel) -> None:
    mask = kernel.supported_xfeatures()
    if mask is not None and mask >> 17 & 0b11 != 0b11:
        assert kernel.request_amx() is not True


def test_asking_twice_gives_the_same_answer() -> None:
    assert LinuxKernel().request_amx() == LinuxKernel().request_amx()


def test_affinity_is_that_of_this_process() -> None:
    assert LinuxKernel().affinity() == frozenset(os.sched_getaffinity(0))


def test_a_missing_path_has_no_size() -> None:
    assert LinuxKernel().filesystem_bytes("/no/such/path") is None


def test_other_systems_know_none_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.delattr(os, "statvfs")
    kernel = LinuxKernel()
    assert (kernel.request_amx(), kernel.supported_xfeatures()) == (None, None)
    assert (kernel.affinity(), kernel.filesystem_bytes("/")) == (None, None)
