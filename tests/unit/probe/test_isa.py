from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipexenv.facts import IsaLevel
from ipexenv.probe.isa import isa_level

AVX2 = {"avx2", "fma"}
AVX512 = AVX2 | {"avx512f", "avx512vl", "avx512bw", "avx512dq"}
VNNI = AVX512 | {"avx512_vnni"}
BF16 = VNNI | {"avx512_bf16"}
AMX = BF16 | {"amx_bf16", "amx_int8", "amx_tile"}
FP16 = AMX | {"avx512_fp16"}
EVERYTHING_SAVED = 0x602E7


@pytest.mark.parametrize(
    ("flags", "level"),
    [
        (set(), IsaLevel.DEFAULT),
        ({"avx2"}, IsaLevel.DEFAULT),  # IPEX wants FMA, too
        ({"avx2", "fma"}, IsaLevel.AVX2),
        (AVX2 | {"avx_vnni"}, IsaLevel.AVX2_VNNI),
        (AVX512 - {"avx512bw"}, IsaLevel.AVX2),  # Xeon Phi
        (AVX512, IsaLevel.AVX512),
        (AVX512 | {"avx_vnni"}, IsaLevel.AVX512),
        (AVX512 | {"avx512_bf16"}, IsaLevel.AVX512),  # each level stands on the one before
        (VNNI, IsaLevel.AVX512_VNNI),
        (BF16, IsaLevel.AVX512_BF16),
        (BF16 | {"avx512_fp16"}, IsaLevel.AVX512_BF16),  # no FP16 without AMX in IPEX's order
        (AMX - {"amx_int8"}, IsaLevel.AVX512_BF16),
        (AMX, IsaLevel.AMX),
        (FP16, IsaLevel.AVX512_FP16),
        (FP16 - AVX2, IsaLevel.DEFAULT),
    ],
)
def test_levels_by_flags(flags: set[str], level: IsaLevel) -> None:
    assert isa_level(flags, EVERYTHING_SAVED, True) is level  # noqa: FBT003 (three observations)
    assert isa_level(sorted(flags), None, None) is level


@given(
    flags=st.sets(st.sampled_from(sorted(FP16 | {"avx_vnni"}))),
    xfeatures=st.sampled_from([None, 0x3, 0x7, 0xE7, 0x200E7, EVERYTHING_SAVED]),
    permitted=st.sampled_from([None, True, False]),
)
def test_less_never_gives_more(*, flags: set[str], xfeatures: int | None, permitted: bool | None) -> None:
    assert isa_level(flags, xfeatures, permitted) <= isa_level(flags, None, None) <= isa_level(FP16, None, None)
