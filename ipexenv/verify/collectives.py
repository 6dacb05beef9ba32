"""Judge what the ranks tell: the backend is oneCCL, the values are right, the gradients are equal. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ipexenv.verify.checks import Check
from ipexenv.verify.endings import explain_ending
from ipexenv.verify.figures import LARGE_BYTES, allreduce_figures, bandwidth, ddp_figures, ddp_problem, mean_losses
from ipexenv.verify.provider import OneCcl, not_oneccl, told_version
from ipexenv.verify.records import Record, read_story, tail
from ipexenv.verify.trouble import Noise, ending_of, failure, skipped

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ipexenv.system.runner import Finished
    from ipexenv.verify.options import VerifyOptions

_OTHERS_LINES = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """The ranks that were started together."""

    options: VerifyOptions
    gloo: bool = False
    """Whether they talk over gloo, and not over ccl."""
    hosts: tuple[str, ...] = ()
    """The host of each rank; empty where all are on this one."""
    note: str | None = None
    """What the figures have to be read with, as ``4 ranks share 2 CPUs``."""

    @property
    def host_count(self) -> int:
        """Return on how many hosts the ranks are."""
        return len(set(self.hosts)) or 1

    def name(self, rank: int) -> str:
        """Return how a rank is called, as ``rank 3 on node2``."""
        return f"rank {rank}" + (f" on {self.hosts[rank]}" if self.hosts else "")


def judge_group(finished: Sequence[Finished], checks: Sequence[str], group: Group) -> tuple[Check, ...]:
    """Return one check for each of ``checks``, over all ranks; a rank that fails ends the others, and is named."""
    judged: list[Check] = []
    for check in checks:
        records = [_record(ending, check) for ending in finished]
        if judged and judged[-1].status == "fail":
            judged.append(skipped(check, f"not tried, because `{judged[-1].id}` failed"))
        elif any(record.data is None for record in records):
            judged.append(_failed(check, records, finished, group))
        else:
            printed = [ending.stdout + ending.stderr for ending in finished]
            judged.append(_judge(check, records, printed, group))
    judged[-1] = _with_shutdown(judged[-1], finished, group.options)
    return tuple(replace(check, id="ddp-gloo") if group.gloo and check.id == "ddp" else check for check in judged)


def _record(finished: Finished, check: str) -> Record:
    return read_story(finished.answer).of(check) or Record(check=check)


def _failed(check: str, records: Sequence[Record], finished: Sequence[Finished], group: Group) -> Check:
    """Return the failure of the rank that failed first: the others only lost it."""
    culprit = _culprit(records, finished)
    ending_process = finished[culprit]
    noise = Noise.of(ending_process, check)
    if not noise.text.strip():
        noise = Noise(stdout=ending_process.stdout, stderr=ending_process.stderr)
    ending = ending_of(records[culprit], ending_process, noise, limit_s=group.options.timeout_s)
    result = failure(records[culprit], ending_process, ending, noise, who=f"{group.name(culprit)}: ")
    stages = [record.stage or "start" for record in records]
    others = [
        f"{group.name(rank)} was at: {stages[rank]}\n{tail(other.stderr, lines=_OTHERS_LINES)}".rstrip()
        for rank, other in enumerate(finished)
        if rank != culprit
    ]
    host = {"host": group.hosts[culprit]} if group.hosts else {}
    return replace(
        result,
        measurements={**result.measurements, "rank": culprit, **host, "stages": stages},
        output="\n".join([part for part in (result.output, *others) if part]),
    )


def _culprit(records: Sequence[Record], finished: Sequence[Finished]) -> int:
    candidates = [rank for rank, record in enumerate(records) if record.data is None and not finished[rank].ended]
    candidates = candidates or [rank for rank, record in enumerate(records) if record.data is None]
    return min(candidates, key=lambda rank: finished[rank].seconds)


def _judge(check: str, records: Sequence[Record], printed: Sequence[str], group: Group) -> Check:
    rows = [record.data or {} for record in records]
    options, gloo = group.options, group.gloo
    version = None if gloo else told_version(printed, rows)
    problem = "" if gloo else not_oneccl(rows, version, options.ccl)
    if not problem and check == "ddp":
        problem = ddp_problem(rows)
    library = None if gloo else OneCcl.of(rows, version, host_count=group.host_count)
    summary = _summary(check, rows, group, library)
    return Check(
        id=check,
        status="fail" if problem else "pass",
        detail=problem or (f"{summary}; note: {group.note}" if group.note else summary),
        seconds=max(record.seconds or 0.0 for record in records),
        measurements=_measurements(check, rows, group, library),
        hint=f"`ipexenv install --ccl {options.ccl}` puts it in" if problem and not gloo else None,
    )


def _measurements(
    check: str, rows: Sequence[Mapping[str, Any]], group: Group, library: OneCcl | None
) -> dict[str, Any]:
    row = rows[0]
    found: dict[str, Any] = {
        "backend": row["backend"],
        "implementation": row["implementation"],
        "provider_version": row.get("provider_version"),
        "libraries": list(row["libraries"]),
        "ranks": len(rows),
        "hosts": group.host_count,
        "note": group.note,
    }
    if library is not None:
        found |= {
            "provider": group.options.ccl,
            "oneccl_version": library.version,
            "oneccl_file": library.file,
            "transport": library.transport,
            "fabric": library.fabric,
            "interface": library.interface,
        }
    if check == "allreduce":
        return {**found, "proven": list(row["proven"]), **allreduce_figures(rows)}
    return {**found, **ddp_figures(rows)}


def _summary(check: str, rows: Sequence[Mapping[str, Any]], group: Group, library: OneCcl | None) -> str:
    ranks = f"{len(rows)} ranks" + (f" of {group.host_count} hosts" if group.host_count > 1 else "")
    over = "gloo, not ccl" if library is None else f"oneCCL {library.version} ({_way(library, group.options)})"
    if check == "allreduce":
        figures = allreduce_figures(rows)
        return (
            f"{_in_words(rows[0]['proven'])} right on {ranks} over {over}: 8 B in "
            f"{figures['latency_microseconds']:.0f} us, 64 MiB at {bandwidth(rows, LARGE_BYTES):.2f} GB/s"
        )
    first, last = mean_losses(rows)
    dtype = rows[0].get("dtype", "fp32")
    return f"{dtype} gradients equal on {ranks} over {over}, loss {first:.3f} to {last:.3f}"


def _way(library: OneCcl, options: VerifyOptions) -> str:
    parts = (options.ccl, library.transport, library.fabric, library.interface)
    return ", ".join(part for part in parts if part)


def _in_words(proven: Sequence[str]) -> str:
    """Return the reductions that were proven, as ``sum, max``; the measurements name their dtypes."""
    return ", ".join(dict.fromkeys(name.partition(" ")[2] for name in proven))


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
