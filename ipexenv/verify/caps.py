"""Environment variables with which the user holds the instruction set down. Pure."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ipexenv.facts import IsaLevel

if TYPE_CHECKING:
    from collections.abc import Mapping

# Values of ONEDNN_MAX_CPU_ISA in terms of IPEX's levels; others (ALL, DEFAULT, newer ones) hold nothing down that
# IPEX knows. Source: https://uxlfoundation.github.io/oneDNN/dev_guide_cpu_dispatcher_control.html
_ONEDNN = {
    "SSE41": IsaLevel.DEFAULT,
    "AVX": IsaLevel.DEFAULT,
    "AVX2": IsaLevel.AVX2,
    "AVX2_VNNI": IsaLevel.AVX2_VNNI,
    "AVX2_VNNI_2": IsaLevel.AVX2_VNNI,
    "AVX512_MIC": IsaLevel.AVX2,
    "AVX512_MIC_4OPS": IsaLevel.AVX2,
    "AVX512_CORE": IsaLevel.AVX512,
    "AVX512_CORE_VNNI": IsaLevel.AVX512_VNNI,
    "AVX512_CORE_BF16": IsaLevel.AVX512_BF16,
    "AVX512_CORE_FP16": IsaLevel.AVX512_BF16,
    "AVX10_1_512": IsaLevel.AVX512_BF16,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Cap:
    """One variable that is set, and the level that it allows."""

    variable: str
    value: str
    level: IsaLevel

    def __str__(self) -> str:
        return f"{self.variable}={self.value}"


def caps_in(env: Mapping[str, str]) -> tuple[Cap, ...]:
    """Return the variables in ``env`` that name a level; values that nobody understands hold nothing down."""
    found = []
    aten = env.get("ATEN_CPU_CAPABILITY", "")
    with contextlib.suppress(ValueError):
        found.append(Cap(variable="ATEN_CPU_CAPABILITY", value=aten, level=IsaLevel.from_label(aten)))
    for variable in ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA"):
        level = _ONEDNN.get(env.get(variable, "").upper())
        if level is not None:
            found.append(Cap(variable=variable, value=env[variable], level=level))
    return tuple(found)


def in_words(caps: tuple[Cap, ...]) -> str:
    """Return the variables as the user would type them."""
    return " and ".join(str(cap) for cap in caps)
