"""The processor: who made it, what it can do, and what the OS lets this process use of that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ipexenv.facts import Cpu
from ipexenv.probe.isa import isa_level
from ipexenv.system.files import read_until

if TYPE_CHECKING:
    from ipexenv.probe.learnt import Learnt
    from ipexenv.system.files import Tree
    from ipexenv.system.kernel import Kernel

_CPUINFO = "/proc/cpuinfo"
_LIMIT_BYTES = 1 << 16


def look_at_processor(tree: Tree, kernel: Kernel, *, architecture: str, learnt: Learnt) -> Cpu:
    """Return what is known of the processor; only x86-64 has an instruction-set level, IPEX being built for no other.

    One unit's block of /proc/cpuinfo is enough, hybrid processors included: Linux shows the flags that all cores
    share, and reading all blocks of a large machine takes longer than everything else here.
    """
    block = read_until(tree.path(_CPUINFO), b"\n\n", limit_bytes=_LIMIT_BYTES)
    if not block:
        learnt.note("host.cpu", f"{_CPUINFO} cannot be read")
        return Cpu()
    row = cpuinfo_row(block.decode("utf-8", "replace"))
    flags = tuple((row.get("flags") or row.get("Features") or "").split())
    learnt.note("host.cpu", _CPUINFO)
    vendor, model = row.get("vendor_id") or row.get("CPU implementer"), row.get("model name")
    if architecture != "x86_64" or not flags:
        return Cpu(vendor=vendor, model=model, flags=flags)
    xfeatures = kernel.supported_xfeatures()
    permitted = kernel.request_amx() is True if "amx_tile" in flags else None  # a kernel without the call has no AMX
    learnt.note("host.cpu.isa", _how(xfeatures, permitted=permitted))
    return Cpu(
        vendor=vendor,
        model=model,
        flags=flags,
        isa=isa_level(flags, xfeatures, permitted),
        os_xfeatures=xfeatures,
        amx_permitted=permitted,
    )


def cpuinfo_row(block: str) -> dict[str, str]:
    """Return one block of /proc/cpuinfo as a mapping. Pure."""
    pairs = (line.partition(":") for line in block.splitlines())
    return {key.strip(): value.strip() for key, colon, value in pairs if colon}


def _how(xfeatures: int | None, *, permitted: bool | None) -> str:
    state = "no OS state to ask for" if xfeatures is None else "arch_prctl(ARCH_GET_XCOMP_SUPP)"
    amx = {None: "", True: ", AMX granted by arch_prctl", False: ", AMX refused by arch_prctl"}[permitted]
    return f"flags, {state}{amx}"
