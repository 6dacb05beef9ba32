"""Which kernels ran, from lines that oneDNN printed on real machines."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipexenv.verify.kernels import bf16_path, executed_kernels
from tests.unit.verify.stories import AMX_LINES

BF16 = "src:bf16::blocked:ab::f0 wei:bf16::blocked:ab::f0 dst:bf16::blocked:ab::f0"
OLD_BF16 = "src_bf16::blocked:ab:f0 wei_bf16::blocked:AB16b64a2b:f0 bia_bf16::blocked:a:f0 dst_bf16::blocked:ab:f0"


@pytest.mark.parametrize(
    ("line", "path"),
    [
        (f"onednn_verbose,v1,primitive,exec,cpu,inner_product,brgemm:avx10_1_512_amx,forward,{BF16},,,x,1", "amx"),
        (f"onednn_verbose,primitive,exec,cpu,matmul,brg_matmul:avx512_core_amx,undef,{BF16},,,x,1", "amx"),
        (f"onednn_verbose,exec,cpu,inner_product,brgemm:avx512_core_amx_bf16,forward,{OLD_BF16},a,,x,1", "amx"),
        (f"dnnl_verbose,exec,cpu,matmul,brg:avx512_core_bf16,undef,{OLD_BF16},,,x,0.1", "avx512_bf16"),
        (f"onednn_verbose,v1,primitive,exec,cpu,matmul,brg_matmul:avx10_1_512,undef,{BF16},,,x,1", "avx512_bf16"),
        (f"onednn_verbose,v1,primitive,exec,cpu,inner_product,x64:gemm:jit,forward,{BF16},,,x,1", "emulated"),
        (f"onednn_verbose,v1,primitive,exec,cpu,matmul,gemm:jit:bf16,undef,{BF16},,,x,1", "emulated"),
        (f"onednn_verbose,v1,primitive,exec,cpu,reorder,jit_amx:uni,undef,{BF16},,,x,1", "emulated"),
        ("", "emulated"),
    ],
)
def test_the_path_is_read_from_the_kernels_that_ran(line: str, path: str) -> None:
    assert bf16_path(executed_kernels(line, "bf16"), prepack_refused=False) == path


def test_without_prepacking_and_without_kernels_the_path_says_so() -> None:
    assert bf16_path(executed_kernels("", "bf16"), prepack_refused=True) == "weights_prepack=False"


def test_kernels_are_counted_for_their_own_dtype() -> None:
    text = AMX_LINES * 3 + AMX_LINES.replace("bf16", "f32")
    assert executed_kernels(text, "bf16").as_mapping() == {"inner_product brgemm:avx10_1_512_amx": 3}
    assert executed_kernels(text, "fp32").as_mapping() == {"inner_product brgemm:avx10_1_512_amx": 1}
    assert executed_kernels(text, "fp16").as_mapping() == {}


@given(st.text())
def test_no_output_breaks_the_reading(text: str) -> None:
    executed_kernels(f"onednn_verbose,exec,cpu,{text}\n{text}", "bf16")
