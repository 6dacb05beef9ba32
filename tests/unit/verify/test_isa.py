"""The checks isa and bf16-path, on machines of every kind."""

from __future__ import annotations

from typing import Any

import pytest

from ipexenv.facts import IsaLevel
from ipexenv.verify.caps import caps_in, in_words
from ipexenv.verify.isa import judge_bf16_path, judge_isa
from ipexenv.verify.records import Record
from tests.unit.verify.stories import AMX_LINES, ISA, PATH

REFUSED = "BF16 weight prepack needs the cpu support avx512bw, avx512vl and avx512dq, please set dtype to torch.float"


def isa_record(**ipex: Any) -> Record:
    return Record(check="isa", seconds=0.1, data={"aten": "AVX512", "ipex": ipex} if ipex else {"aten": "AVX2"})


def path_record(**changes: Any) -> Record:
    return Record(check="bf16-path", seconds=0.1, data={**PATH, **changes})


def test_all_of_the_cpu_is_used() -> None:
    check = judge_isa(Record(check="isa", data=ISA), IsaLevel.AVX512_FP16, ())
    assert (check.status, check.detail) == ("pass", "IPEX uses avx512_fp16, the CPU can do avx512_fp16")
    assert check.measurements["ipex_onednn"] == "amx"
    assert check.measurements["ipex_bf16_support"] is True


def test_a_release_without_code_for_the_newest_level_is_no_fault() -> None:
    record = isa_record(current="AVX512_BF16", highest_cpu="AMX", highest_binary="AVX512_BF16")
    check = judge_isa(record, IsaLevel.AVX512_FP16, ())
    assert check.status == "pass"
    assert "the most that this release knows" in check.detail


def test_a_variable_that_holds_the_level_down_is_named() -> None:
    record = isa_record(current="AVX2", highest_cpu="AMX", highest_binary="AMX")
    check = judge_isa(record, IsaLevel.AMX, caps_in({"ATEN_CPU_CAPABILITY": "avx2"}))
    assert check.status == "degraded"
    assert check.detail == "IPEX uses avx2, the CPU can do amx; held down by ATEN_CPU_CAPABILITY=avx2"
    assert check.hint == "unset ATEN_CPU_CAPABILITY to use all of this CPU"
    assert check.measurements["caps"] == {"ATEN_CPU_CAPABILITY": "avx2"}


def test_a_variable_that_takes_nothing_away_is_no_fault() -> None:
    record = isa_record(current="AVX2", highest_cpu="AVX2", highest_binary="AMX")
    check = judge_isa(record, IsaLevel.AVX2, caps_in({"ATEN_CPU_CAPABILITY": "avx2"}))
    assert check.status == "pass"


@pytest.mark.parametrize(
    ("ipex", "words"),
    [
        ({"current": "AVX2", "highest_cpu": "AVX2", "highest_binary": "AMX"}, "IPEX sees avx2 at most"),
        ({"current": "AVX2", "highest_cpu": "AMX", "highest_binary": "AMX"}, "IPEX could use amx"),
    ],
)
def test_a_shortfall_without_a_cause_is_still_said(ipex: dict[str, str], words: str) -> None:
    check = judge_isa(isa_record(**ipex), IsaLevel.AMX, ())
    assert check.status == "degraded"
    assert check.detail.endswith(words)


def test_releases_that_tell_little_pass() -> None:
    assert judge_isa(isa_record(bf16_support=True), IsaLevel.AVX512, ()).detail.startswith("this IPEX does not tell")
    assert judge_isa(isa_record(current="AVX512"), None, ()).detail == "IPEX uses avx512"
    assert judge_isa(isa_record(current="SSE9"), None, ()).status == "pass"


def test_stock_torch_tells_its_own_level() -> None:
    check = judge_isa(isa_record(), IsaLevel.AVX2, ())
    assert (check.status, check.detail) == ("pass", "torch uses avx2, the CPU can do avx2")
    assert judge_isa(Record(check="isa", data={"aten": None}), None, ()).detail == "torch uses an unknown level"


def test_amx_is_proven_by_the_kernel_that_ran() -> None:
    check = judge_bf16_path(path_record(), AMX_LINES, IsaLevel.AMX, ())
    assert (check.status, check.detail) == ("pass", "amx, as brgemm:avx10_1_512_amx")
    assert check.measurements["path"] == "amx"


def test_avx2_with_ipex_is_degraded_with_the_reason_and_the_way_out() -> None:
    check = judge_bf16_path(path_record(prepack_refused=REFUSED), "", IsaLevel.AVX2, ())
    assert check.status == "degraded"
    assert check.detail.startswith("weights_prepack=False: ipex.optimize refuses")
    assert "this CPU has no AVX-512" in check.detail
    assert check.hint is not None
    assert "weights_prepack=False" in check.hint
    assert check.measurements["prepack_refused"] == REFUSED


def test_avx2_by_request_names_the_variables() -> None:
    caps = caps_in({"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2"})
    check = judge_bf16_path(path_record(prepack_refused=REFUSED), "", IsaLevel.AMX, caps)
    assert "ATEN_CPU_CAPABILITY=avx2 and ONEDNN_MAX_CPU_ISA=AVX2" in check.detail
    assert check.hint == "unset ATEN_CPU_CAPABILITY and ONEDNN_MAX_CPU_ISA to use all of this CPU"


def test_emulation_is_degraded() -> None:
    check = judge_bf16_path(path_record(), "", IsaLevel.AVX512, ())
    assert check.status == "degraded"
    assert check.detail.startswith("emulated: bf16 works, computed in fp32")


@pytest.mark.parametrize(
    ("env", "words"), [({"DNNL_MAX_CPU_ISA": "avx512_core_bf16"}, "DNNL_MAX_CPU_ISA"), ({}, "no kernel")]
)
def test_amx_that_is_not_used_is_degraded(env: dict[str, str], words: str) -> None:
    line = AMX_LINES.replace("avx10_1_512_amx", "avx512_core_bf16")
    check = judge_bf16_path(path_record(), line, IsaLevel.AMX, caps_in(env))
    assert check.status == "degraded"
    assert check.detail.startswith("avx512_bf16: AMX is there and not used")
    assert words in check.detail
    assert judge_bf16_path(path_record(), line, IsaLevel.AVX512_BF16, ()).status == "pass"


def test_a_variable_that_was_not_obeyed_is_not_the_reason() -> None:
    line = AMX_LINES.replace("avx10_1_512_amx", "avx512_core_bf16")
    check = judge_bf16_path(path_record(), line, IsaLevel.AMX, caps_in({"ATEN_CPU_CAPABILITY": "avx2"}))
    assert check.detail == "avx512_bf16: AMX is there and not used (this release has no kernel for it)"
    assert check.hint is None


def test_a_loss_that_is_no_number_fails() -> None:
    assert judge_bf16_path(path_record(finite=False), AMX_LINES, IsaLevel.AMX, ()).status == "fail"


def test_an_ipex_without_optimize_is_skipped_with_the_reason() -> None:
    record = Record(check="bf16-path", data={"unsupported": "this IPEX has no ipex.optimize (it came with 1.10)"})
    check = judge_bf16_path(record, "", IsaLevel.AMX, ())
    assert (check.status, check.detail) == ("skip", "this IPEX has no ipex.optimize (it came with 1.10)")


def test_variables_that_name_no_level_hold_nothing_down() -> None:
    env = {"ATEN_CPU_CAPABILITY": "best", "ONEDNN_MAX_CPU_ISA": "ALL", "DNNL_MAX_CPU_ISA": ""}
    assert caps_in(env) == ()
    assert in_words(()) == ""


def test_stock_torch_is_not_held_down_by_a_level_that_it_does_not_know() -> None:
    record = Record(check="isa", data={"aten": "AVX512"})
    assert judge_isa(record, IsaLevel.AMX, caps_in({"ATEN_CPU_CAPABILITY": "avx512_bf16"})).status == "pass"
    assert judge_isa(record, IsaLevel.AMX, caps_in({"ATEN_CPU_CAPABILITY": "avx2"})).status == "degraded"
