"""Which kernels really ran, from the lines that oneDNN prints with ONEDNN_VERBOSE=1. Pure.

Formats: ``onednn_verbose[,v1][,primitive],exec,cpu,<primitive>,<implementation>,<kind>,<memory>,…`` (oneDNN 2.x and
3.x, https://uxlfoundation.github.io/oneDNN/dev_guide_verbose.html), ``dnnl_verbose,…`` before 2.5.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import Literal

Bf16Path = Literal["amx", "avx512_bf16", "emulated", "weights_prepack=False"]

_EXECUTED = re.compile(
    r"^(?:onednn|dnnl)_verbose,(?:.*,)?exec,cpu,(?P<primitive>\w+),(?P<implementation>[^,]*),[^,]*,(?P<memory>[^,]*)"
)
_COMPUTING = frozenset({"matmul", "inner_product", "convolution", "deconvolution", "rnn"})
_TYPES = {"bf16": "bf16", "fp16": "f16", "fp32": "f32"}
_NATIVE_BF16 = re.compile(r"avx512_core_bf16|avx512_core_fp16|avx10_\d")


@dataclass(frozen=True, kw_only=True, slots=True)
class Kernels:
    """The computing kernels of one check that read or wrote one data type."""

    used: tuple[tuple[str, int], ...] = ()
    """``primitive implementation`` and how often it ran, most often first."""

    @property
    def implementations(self) -> tuple[str, ...]:
        """Return the names of the implementations alone, as ``brgemm:avx512_core_bf16``."""
        return tuple(name.split(" ", 1)[1] for name, _count in self.used)

    def as_mapping(self) -> dict[str, int]:
        """Return plain JSON data."""
        return dict(self.used)


def executed_kernels(printed: str, dtype: str) -> Kernels:
    """Return the computing kernels with ``dtype`` (``bf16``, ``fp16``, ``fp32``) operands among the printed lines."""
    word = re.compile(rf"(?:^|\s)(?:src|wei|dst)[:_]{_TYPES[dtype]}\b")
    counts: Counter[str] = Counter()
    for line in printed.splitlines():
        match = _EXECUTED.match(line)
        if match is not None and match["primitive"] in _COMPUTING and word.search(match["memory"]):
            counts[f"{match['primitive']} {match['implementation']}"] += 1
    return Kernels(used=tuple(counts.most_common()))


def bf16_path(kernels: Kernels, *, prepack_refused: bool) -> Bf16Path:
    """Name the path that bf16 arithmetic took.

    ``amx`` and ``avx512_bf16`` need an implementation that says so; kernels of plain AVX-512, and none of oneDNN's at
    all, convert to fp32 and compute there. ``weights_prepack=False`` is what IPEX is left with below AVX-512.
    """
    if any("amx" in name for name in kernels.implementations):
        return "amx"
    if any(_NATIVE_BF16.search(name) for name in kernels.implementations):
        return "avx512_bf16"
    return "weights_prepack=False" if prepack_refused else "emulated"
