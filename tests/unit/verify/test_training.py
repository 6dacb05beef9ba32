"""The check train: what passes, what fails and why."""

from __future__ import annotations

from typing import Any

import pytest

from ipexenv.verify.options import VerifyOptions
from ipexenv.verify.records import Record
from ipexenv.verify.training import judge_train, largest_difference
from tests.unit.verify.stories import AMX_LINES, LOSSES, TRAIN


def judge(dtype: Any = "bf16", stack: Any = "ipex", **changes: Any) -> Any:
    options = VerifyOptions(stack=stack, dtype=dtype)
    return judge_train(Record(check="train", seconds=1.0, data={**TRAIN, **changes}), AMX_LINES, options)


def test_a_loss_that_falls_like_the_reference_passes() -> None:
    check = judge()
    assert check.status == "pass"
    assert check.detail == "12 bf16 steps, loss 2.777 to 2.126, 0.00% from fp32 (limit 2.0%)"
    assert check.measurements["weights_prepack"] is True
    assert check.measurements["milliseconds_per_step"] == 10.0
    assert check.measurements["tolerance"] == 0.02
    assert check.measurements["kernels"] == {"inner_product brgemm:avx10_1_512_amx": 1}
    assert judge(stack="native").measurements["weights_prepack"] is None


def test_without_prepacking_it_is_degraded() -> None:
    check = judge(prepack_refused="BF16 weight prepack needs ...")
    assert check.status == "degraded"
    assert check.detail.endswith("with weights_prepack=False")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"finite": False}, "not a finite number"),
        ({"losses": [2.777] * 12}, "does not fall"),
        ({"losses": [LOSSES[0], *[loss * 1.05 for loss in LOSSES[1:]]]}, "leaves the fp32 reference"),
        ({"losses": [LOSSES[0], float("nan"), *LOSSES[2:]]}, "leaves the fp32 reference"),
    ],
)
def test_what_is_wrong_is_said(changes: dict[str, Any], words: str) -> None:
    check = judge(**changes)
    assert check.status == "fail"
    assert words in check.detail
    assert check.hint == "`--dtype fp32` tells whether the dtype is at fault"


def test_fp32_is_held_to_a_narrower_limit() -> None:
    losses = [loss * 1.005 for loss in LOSSES]
    assert judge(losses=losses).status == "pass"
    check = judge(dtype="fp32", losses=losses)
    assert (check.status, check.hint) == ("fail", None)


def test_a_dtype_that_cannot_be_is_skipped_with_the_reason() -> None:
    check = judge(dtype="fp16", unsupported="this IPEX has no gradient scaler for fp16")
    assert (check.status, check.detail) == ("skip", "fp16: this IPEX has no gradient scaler for fp16")


def test_nan_is_infinitely_far() -> None:
    assert largest_difference([float("nan")], [1.0]) == float("inf")
