"""Judge what the ranks tell: the backend is oneCCL, the sums are right, the gradients are equal. Pure."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ipexenv.verify.checks import Check
from ipexenv.verify.endings import explain_ending
from ipexenv.verify.records import Record, read_story, tail
from ipexenv.verify.trouble import Noise, ending_of, failure, skipped

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ipexenv.system.runner import Finished
    from ipexenv.verify.options import VerifyOptions

_OTHERS_LINES = 4
_LIBRARY_VERSION = re.compile(r"library version: (?P<version>\S+)")


def judge_group(
    finished: Sequence[Finished], checks: Sequence[str], options: VerifyOptions, *, gloo: bool
) -> tuple[Check, ...]:
    """Return one check for each of ``checks``, over all ranks; a rank that fails ends the others, and is named."""
    judged: list[Check] = []
    for check in checks:
        records = [_record(ending, check) for ending in finished]
        if judged and judged[-1].status == "fail":
            judged.append(skipped(check, f"not tried, because `{judged[-1].id}` failed"))
        elif any(record.data is None for record in records):
            judged.append(_failed(check, records, finished, options))
        else:
            printed = [ending.stdout + ending.stderr for ending in finished]
            judged.append(_judge(check, records, printed, options, gloo=gloo))
    judged[-1] = _with_shutdown(judged[-1], finished, options)
    return tuple(replace(check, id="ddp-gloo") if gloo and check.id == "ddp" else check for check in judged)


def _record(finished: Finished, check: str) -> Record:
    return read_story(finished.answer).of(check) or Record(check=check)


def _failed(check: str, records: Sequence[Record], finished: Sequence[Finished], options: VerifyOptions) -> Check:
    """Return the failure of the rank that failed first: the others only lost it."""
    culprit = _culprit(records, finished)
    ending_process = finished[culprit]
    noise = Noise.of(ending_process, check)
    if not noise.text.strip():
        noise = Noise(stdout=ending_process.stdout, stderr=ending_process.stderr)
    ending = ending_of(records[culprit], ending_process, noise, limit_s=options.timeout_s)
    result = failure(records[culprit], ending_process, ending, noise, who=f"rank {culprit}: ")
    stages = [record.stage or "start" for record in records]
    others = [
        f"rank {rank} was at: {stages[rank]}\n{tail(other.stderr, lines=_OTHERS_LINES)}".rstrip()
        for rank, other in enumerate(finished)
        if rank != culprit
    ]
    return replace(
        result,
        measurements={**result.measurements, "rank": culprit, "stages": stages},
        output="\n".join([part for part in (result.output, *others) if part]),
    )


def _culprit(records: Sequence[Record], finished: Sequence[Finished]) -> int:
    candidates = [rank for rank, record in enumerate(records) if record.data is None and not finished[rank].ended]
    candidates = candidates or [rank for rank, record in enumerate(records) if record.data is None]
    return min(candidates, key=lambda rank: finished[rank].seconds)


def _judge(
    check: str, records: Sequence[Record], printed: Sequence[str], options: VerifyOptions, *, gloo: bool
) -> Check:
    rows = [record.data or {} for record in records]
    version = None if gloo else oneccl_version(printed)
    problem = "" if gloo else not_oneccl(rows, version)
    if not problem and check == "ddp":
        problem = _ddp_problem(rows)
    measurements = _measurements(check, rows, options)
    if not gloo:
        measurements["oneccl_version"] = version
    summary = _summary(check, rows, options, gloo=gloo)
    return Check(
        id=check,
        status="fail" if problem else "pass",
        detail=problem or summary,
        seconds=max(record.seconds or 0.0 for record in records),
        measurements=measurements,
        hint="`ipexenv install --ccl bindings` puts in Intel's bindings" if problem and not gloo else None,
    )


def oneccl_version(printed: Sequence[str]) -> str | None:
    """Return the version that oneCCL itself told when it started (CCL_LOG_LEVEL=info), None where it told nothing."""
    matches = (_LIBRARY_VERSION.search(text) for text in printed)
    return next((match["version"] for match in matches if match is not None), None)


def not_oneccl(rows: Sequence[Mapping[str, Any]], version: str | None) -> str:
    """Return why this group is not proven to run on oneCCL, empty where it is.

    The name of a backend proves nothing, since anybody can register another library as ``ccl``; nor does a mapped
    libccl, which IPEX 2.3 to 2.7 loads by itself. oneCCL must have started and said so.
    """
    for rank, row in enumerate(rows):
        kind = row["implementation"]
        if row["backend"] != "ccl":
            return f"rank {rank}: the backend is {row['backend']}, not ccl"
        if row["is_gloo"]:
            return f"rank {rank}: the backend called ccl is gloo ({kind}), not oneCCL"
        if not oneccl_libraries(row):
            return f"rank {rank}: the backend called ccl ({kind}) has loaded no libccl: it is not oneCCL"
        if version is None:
            return f"the backend called ccl ({kind}) never started the libccl that is loaded: it is not oneCCL"
    return ""


def oneccl_libraries(row: Mapping[str, Any]) -> list[str]:
    """Return the mapped libccl files of one rank."""
    return [path for path in row["libraries"] if "libccl.so" in path]


def _ddp_problem(rows: Sequence[Mapping[str, Any]]) -> str:
    if len({row["gradient_digest"] for row in rows}) > 1:
        return "the ranks have different gradients after the first step"
    tolerance = float(rows[0]["gradient_tolerance"])
    for rank, difference in enumerate(float(row["gradient_difference"]) for row in rows):
        if not difference <= tolerance:  # NaN is not below anything
            return (
                f"rank {rank}: the gradients are off the mean of all ranks' by {difference:.2g} (limit {tolerance:g})"
            )
    if len({row["parameter_digest"] for row in rows}) > 1:
        return "the ranks have different parameters after the last step"
    first, last = _mean_losses(rows)
    if not last < first:
        return f"the loss does not fall ({first:.3f} to {last:.3f})"
    return ""


def _mean_losses(rows: Sequence[Mapping[str, Any]]) -> tuple[float, float]:
    return (
        sum(float(row["losses"][0]) for row in rows) / len(rows),
        sum(float(row["losses"][-1]) for row in rows) / len(rows),
    )


def _measurements(check: str, rows: Sequence[Mapping[str, Any]], options: VerifyOptions) -> dict[str, Any]:
    row = rows[0]
    found: dict[str, Any] = {
        "backend": row["backend"],
        "implementation": row["implementation"],
        "provider_version": row.get("provider_version"),
        "libraries": list(row["libraries"]),
        "ranks": options.nproc,
    }
    if check == "allreduce":
        found["dtypes"] = ["fp32", "bf16", "int64"]
        found["latency_microseconds"] = round(max(float(each["latency_microseconds"]) for each in rows), 1)
        found["milliseconds_4mib"] = round(max(float(each["milliseconds_4mib"]) for each in rows), 3)
        return found
    first, last = _mean_losses(rows)
    found |= {"first_loss": first, "last_loss": last, "steps": len(row["losses"])}
    found["gradient_difference"] = max(float(each["gradient_difference"]) for each in rows)
    found["gradient_tolerance"] = row["gradient_tolerance"]
    return found


def _summary(check: str, rows: Sequence[Mapping[str, Any]], options: VerifyOptions, *, gloo: bool) -> str:
    row = rows[0]
    provider = "gloo, not ccl" if gloo else f"ccl ({_short(next(iter(oneccl_libraries(row)), 'no libccl'))})"
    if check == "allreduce":
        latency = max(float(each["latency_microseconds"]) for each in rows)
        return f"fp32, bf16 and int64 sums right on {options.nproc} ranks over {provider}, {latency:.0f} us"
    first, last = _mean_losses(rows)
    return f"gradients equal on {options.nproc} ranks over {provider}, loss {first:.3f} to {last:.3f}"


def _short(path: str) -> str:
    return "/".join(path.split("/")[-3:])


def _with_shutdown(check: Check, finished: Sequence[Finished], options: VerifyOptions) -> Check:
    """Degrade the last check where a rank died after it: a training script would end with that code."""
    if check.status not in {"pass", "degraded"}:
        return check
    for rank, ending_process in enumerate(finished):
        if ending_process.returncode != 0 and not ending_process.ended:
            ending = explain_ending(ending_process, "", timed_out=ending_process.timed_out, limit_s=options.timeout_s)
            return replace(
                check, status="degraded", detail=f"{check.detail}; when shutting down rank {rank}, {ending.cause}"
            )
    return check
