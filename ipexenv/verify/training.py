"""Judge the check `train`: the loss falls, all is finite, and the curve is that of fp32. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ipexenv.verify.checks import Check
from ipexenv.verify.kernels import executed_kernels
from ipexenv.verify.trouble import skipped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ipexenv.verify.options import VerifyOptions
    from ipexenv.verify.records import Record

TOLERANCES = {"bf16": 0.02, "fp16": 0.02, "fp32": 0.001}
"""Largest relative difference of the loss to the fp32 reference, at any step. Measured on AMX, AVX-512 and AVX2
kernels of torch 1.12 to 2.13: at most 0.004 with IPEX (bf16 weights), 0.0002 with autocast alone."""
LEAST_FALL = 0.9
"""The last loss must lie below this part of the first; the fp32 reference ends at 0.77 of it."""


def judge_train(record: Record, printed: str, options: VerifyOptions) -> Check:
    """Return pass, degraded where IPEX works without weight prepacking only, skip where the dtype cannot be, fail."""
    data = record.data or {}
    if data.get("unsupported"):
        return skipped(
            "train", f"{options.dtype}: {data['unsupported']}", hint="`--dtype bf16` or `--dtype fp32` works"
        )
    losses = [float(loss) for loss in data["losses"]]
    reference = [float(loss) for loss in data["reference"]]
    difference = largest_difference(losses, reference)
    tolerance = TOLERANCES[options.dtype]
    refused = data.get("prepack_refused")
    measurements = {
        "dtype": options.dtype,
        "stack": options.stack,
        "steps": len(losses),
        "first_loss": losses[0],
        "last_loss": losses[-1],
        "reference_last_loss": reference[-1],
        "largest_relative_difference": difference,
        "tolerance": tolerance,
        "milliseconds_per_step": round(1000 * float(data["step_seconds"]), 3),
        "weights_prepack": refused is None if options.stack == "ipex" else None,
        "kernels": executed_kernels(printed, options.dtype).as_mapping(),
    }
    problem = _problem(losses, difference, tolerance, finite=bool(data["finite"]))
    summary = (
        f"{len(losses)} {options.dtype} steps, loss {losses[0]:.3f} to {losses[-1]:.3f}, "
        f"{difference:.2%} from fp32 (limit {tolerance:.1%})"
    )
    if refused is not None and not problem:
        summary += ", with weights_prepack=False"
    return Check(
        id="train",
        status="fail" if problem else "degraded" if refused is not None else "pass",
        detail=f"{problem}: {summary}" if problem else summary,
        seconds=record.seconds or 0.0,
        measurements=measurements,
        hint="`--dtype fp32` tells whether the dtype is at fault" if problem and options.dtype != "fp32" else None,
    )


def largest_difference(losses: Sequence[float], reference: Sequence[float]) -> float:
    """Return the largest relative difference at any step; NaN counts as infinitely far."""
    differences = [abs(loss - other) / abs(other) for loss, other in zip(losses, reference, strict=True)]
    return max((value if value == value else float("inf")) for value in differences)  # noqa: PLR0124 (NaN is not itself)


def _problem(losses: Sequence[float], difference: float, tolerance: float, *, finite: bool) -> str:
    if not finite:
        return "a loss or a parameter is not a finite number"
    if losses[-1] >= LEAST_FALL * losses[0]:
        return "the loss does not fall"
    if difference > tolerance:
        return "the loss leaves the fp32 reference"
    return ""
