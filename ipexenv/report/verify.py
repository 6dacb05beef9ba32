"""The table of checks for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from ipexenv.verify.checks import CheckStatus, VerifyReport

_STYLES: dict[CheckStatus, str] = {"pass": "green", "degraded": "yellow", "fail": "bold red", "skip": "dim"}
_WORDS: dict[CheckStatus, str] = {"pass": "passed", "degraded": "degraded", "fail": "failed", "skip": "skipped"}
_ID_WIDTH, _STATUS_WIDTH, _SECONDS_WIDTH = 9, 8, 7


def show_report(report: VerifyReport, console: Console) -> None:
    """Print one line per check; below them the output of each failed one and the next commands; the totals last."""
    from rich.text import Text  # noqa: PLC0415 (errors and JSON need not pay for it)

    heading = f"{'check':<{_ID_WIDTH}}  {'status':<{_STATUS_WIDTH}}  {'seconds':>{_SECONDS_WIDTH}}  detail"
    console.print(Text(heading, style="bold"), soft_wrap=True)
    for check in report.checks:
        seconds = "" if check.status == "skip" else f"{check.seconds:.1f}"
        line = Text.assemble(
            f"{check.id:<{_ID_WIDTH}}  ",
            (f"{check.status:<{_STATUS_WIDTH}}", _STYLES[check.status]),
            f"  {seconds:>{_SECONDS_WIDTH}}  {check.detail}",
        )
        console.print(line, soft_wrap=True)
    _show_hosts(report, console)
    _show_more(report, console)
    console.print(f"\n{totals(report)}")


def totals(report: VerifyReport) -> str:
    """Return the counts in words, as ``4 passed, 1 degraded, 2 skipped``."""
    statuses = [check.status for check in report.checks]
    return ", ".join(f"{statuses.count(status)} {word}" for status, word in _WORDS.items() if status in statuses)


def _show_hosts(report: VerifyReport, console: Console) -> None:
    """Print one line per host, where there are several."""
    if not report.hosts:
        return
    rows = [("host", "ranks", "torch", "oneCCL", "interface", "")]
    for host in report.hosts:
        ranks = f"{host.ranks[0]}-{host.ranks[-1]}" if len(host.ranks) > 1 else ", ".join(map(str, host.ranks))
        told = (host.torch or "", host.oneccl or "", host.interface or "", host.problem or "")
        rows.append((host.name, ranks, *told))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    console.print()
    for row in rows:
        console.print(
            "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip(), soft_wrap=True
        )


def _show_more(report: VerifyReport, console: Console) -> None:
    said: set[str] = set()
    for check in report.checks:
        lines = [f"  | {line}" for line in check.output.splitlines()]
        if check.hint and check.hint not in said:
            lines.append(f"  hint: {check.hint}")
            said.add(check.hint)
        if lines:
            console.print(f"\n{check.id}:")
        for line in lines:
            console.print(line, soft_wrap=True)
