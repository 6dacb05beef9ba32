"""Which of IPEX's instruction-set levels a processor reaches. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ipexenv.facts import IsaLevel

if TYPE_CHECKING:
    from collections.abc import Collection

_AVX_STATE = 0b110
_AVX512_STATE = 0b111 << 5
_AMX_STATE = 0b11 << 17


def isa_level(flags: Collection[str], os_xfeatures: int | None, amx_permitted: bool | None) -> IsaLevel:  # noqa: FBT001 (the third observation, no switch)
    """Return the highest level that ``flags`` (spelt as in /proc/cpuinfo), OS state and AMX permission allow.

    ``os_xfeatures`` is the mask of register states that the OS saves; ``amx_permitted`` whether the kernel lets this
    process use AMX. None for either means that nobody could ask, and the flags are believed.

    The levels and their order are IPEX's own (csrc/cpu/isa/cpu_feature.cpp and csrc/cpu/dyndisp/DispatchStub.cpp of
    v2.8.0+cpu). One thing differs on purpose: IPEX's check of the OS state is compiled out in its releases
    (csrc/cpu/CMakeLists.txt: ``# add_definitions (-DENABLE_XCR_CHECK)``), so that it dies of SIGILL where the CPU has
    AVX-512 and the OS does not save its registers; here such a machine counts as AVX2.
    """
    present = frozenset(flags)
    reached = IsaLevel.DEFAULT
    for level, needs, state in (
        (IsaLevel.AVX2, {"avx2", "fma"}, _AVX_STATE),
        (IsaLevel.AVX512, {"avx512f", "avx512vl", "avx512bw", "avx512dq"}, _AVX512_STATE),
        (IsaLevel.AVX512_VNNI, {"avx512_vnni"}, 0),
        (IsaLevel.AVX512_BF16, {"avx512_bf16"}, 0),
        (IsaLevel.AMX, {"amx_bf16", "amx_int8", "amx_tile"}, _AMX_STATE),
        (IsaLevel.AVX512_FP16, {"avx512_fp16"}, 0),
    ):
        saved = os_xfeatures is None or os_xfeatures & state == state
        if not present >= needs or not saved or (level is IsaLevel.AMX and amx_permitted is False):
            break
        reached = level
    if reached is IsaLevel.AVX2 and "avx_vnni" in present:
        return IsaLevel.AVX2_VNNI
    return reached
