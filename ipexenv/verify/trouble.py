"""Checks that failed, were skipped or ended badly, in one shape. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ipexenv.answer import Problem
from ipexenv.verify.checks import Check
from ipexenv.verify.endings import Ending, explain_ending, explain_error
from ipexenv.verify.records import expired, section, tail

if TYPE_CHECKING:
    from ipexenv.system.runner import Finished
    from ipexenv.verify.checks import VerifyReport
    from ipexenv.verify.records import Record

_TRACE_LINES = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class Noise:
    """What a process printed during one check."""

    stdout: str
    stderr: str

    @classmethod
    def of(cls, finished: Finished, check: str) -> Noise:
        """Cut out what belongs to ``check``."""
        return cls(stdout=section(finished.stdout, check), stderr=section(finished.stderr, check))

    @property
    def text(self) -> str:
        """Return both streams, stdout first: guards print there and raise later."""
        return f"{self.stdout}\n{self.stderr}"


def ending_of(record: Record, finished: Finished, noise: Noise, *, limit_s: float) -> Ending:
    """Say why ``record`` has no data: an exception, a crash, a time-out."""
    if record.error is not None:
        return explain_error(record.error, noise.text)
    timed_out = finished.timed_out or expired(noise.stderr)
    return explain_ending(finished, noise.text, timed_out=timed_out, limit_s=limit_s)


def failure(record: Record, finished: Finished, ending: Ending, noise: Noise, *, who: str = "") -> Check:
    """Return the failed check of a record without data: stage, cause, last lines, next command."""
    trace = "" if record.error is None else tail(record.error.trace, lines=_TRACE_LINES)
    printed = tail(noise.stdout, noise.stderr)
    where = f"{record.stage}: " if record.stage else ""
    return Check(
        id=record.check,
        status="fail",
        detail=f"{who}{where}{ending.cause}",
        seconds=finished.seconds if record.seconds is None else record.seconds,
        measurements={"code": ending.code, "returncode": finished.returncode, "stage": record.stage},
        output="\n".join(part for part in (printed, trace) if part),
        hint=ending.hint,
    )


def skipped(check: str, reason: str, *, hint: str | None = None) -> Check:
    """Return a check that was not tried, or could not be."""
    return Check(id=check, status="skip", detail=reason, hint=hint)


def problem_of(report: VerifyReport) -> Problem:
    """Return the failed checks of a report as one problem, with the first hint that there is."""
    failed = report.failed
    return Problem(
        code="check-failed",
        message=f"{len(failed)} of {len(report.checks)} checks failed: {', '.join(check.id for check in failed)}",
        causes=tuple(f"{check.id}: {check.detail}" for check in failed),
        hint=next((check.hint for check in failed if check.hint), None),
    )
