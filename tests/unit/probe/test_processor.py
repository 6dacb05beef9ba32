from __future__ import annotations

from typing import TYPE_CHECKING

from ipexenv.facts import Cpu, IsaLevel
from ipexenv.probe.learnt import Learnt
from ipexenv.probe.processor import look_at_processor
from ipexenv.system.files import Tree
from tests.fakes import FakeKernel

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    Write = Callable[[Mapping[str, str]], Path]

BLOCK = "processor\t: {unit}\nvendor_id\t: GenuineIntel\nmodel name\t: Some CPU\nflags\t\t: {flags}\n"


def look(
    root: Path, *, architecture: str = "x86_64", kernel: FakeKernel | None = None
) -> tuple[Cpu, Mapping[str, str]]:
    learnt = Learnt()
    cpu = look_at_processor(Tree.at(root), kernel or FakeKernel(), architecture=architecture, learnt=learnt)
    return cpu, learnt.notes


def test_without_cpuinfo_nothing_is_known(tmp_path: Path) -> None:
    cpu, learnt = look(tmp_path)
    assert cpu == Cpu()
    assert learnt == {"host.cpu": "/proc/cpuinfo cannot be read"}


def test_the_first_block_is_enough(write: Write) -> None:
    first, second = BLOCK.format(unit=0, flags="avx2 fma"), BLOCK.format(unit=1, flags="rubbish")
    cpu, learnt = look(write({"/proc/cpuinfo": f"{first}\n{second}"}))
    assert cpu == Cpu(vendor="GenuineIntel", model="Some CPU", flags=("avx2", "fma"), isa=IsaLevel.AVX2)
    assert learnt["host.cpu.isa"] == "flags, no OS state to ask for"


def test_amx_is_asked_for_only_where_it_is(write: Write) -> None:
    root = write({"/proc/cpuinfo": BLOCK.format(unit=0, flags="avx2 fma")})
    cpu, _ = look(root, kernel=FakeKernel(amx=True, xfeatures=7))
    assert (cpu.amx_permitted, cpu.os_xfeatures) == (None, 7)


def test_a_kernel_without_the_call_permits_no_amx(write: Write) -> None:
    root = write({"/proc/cpuinfo": BLOCK.format(unit=0, flags="avx2 fma amx_tile")})
    cpu, learnt = look(root, kernel=FakeKernel(amx=None, xfeatures=7))
    assert cpu.amx_permitted is False
    assert learnt["host.cpu.isa"] == "flags, arch_prctl(ARCH_GET_XCOMP_SUPP), AMX refused by arch_prctl"


def test_arm_has_features_and_no_level(write: Write) -> None:
    root = write({"/proc/cpuinfo": "processor : 0\nFeatures : fp asimd\nCPU implementer : 0x41"})
    assert look(root, architecture="aarch64")[0] == Cpu(vendor="0x41", flags=("fp", "asimd"))


def test_no_flags_is_no_level(write: Write) -> None:
    assert look(write({"/proc/cpuinfo": "processor : 0\nmodel name : odd"}))[0] == Cpu(model="odd")
