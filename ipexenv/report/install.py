"""What `install` says to people: the plan before, the outcome after. And its JSON data."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ipexenv.answer import Problem
from ipexenv.errors import IpexenvError
from ipexenv.events import Event
from ipexenv.report.verify import show_report

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rich.console import Console

    from ipexenv.events import Listener
    from ipexenv.outcome import Market, Resolution
    from ipexenv.plan import Change, Plan
    from ipexenv.verify.checks import VerifyReport

UNDONE = "it was undone: the environment is as it was before (`--keep` leaves it installed)"
_MB = 1_000_000


def install_data(
    resolution: Resolution, plan: Plan, market: Market, why: Sequence[tuple[str, str]] = ()
) -> dict[str, Any]:
    """Return the JSON ``data`` of ``install``; ``why`` are distributions with the reasons for their versions."""
    sources = [
        {
            "name": report.name,
            "url": report.url,
            "state": report.state,
            "detail": report.detail,
            "seconds": report.seconds,
        }
        for report in market.reports
    ]
    told = {"why": [{"name": name, "why": reason} for name, reason in why], "sources": sources, "changed": False}
    return {**resolution.as_mapping(), "plan": plan.as_mapping(), **told}


def plan_lines(plan: Plan, resolution: Resolution) -> Iterator[str]:
    """Yield the plan, one line a change, with where each file comes from."""
    engine = f" with {plan.engine}" if plan.engine else ""
    yield f"plan{engine}:"
    if plan.venv is not None:
        yield f"  make a virtual environment at {plan.venv}"
    width = max((len(change.name) for change in plan.changes), default=0)
    for change in plan.changes:
        what = f"{_verb(change):<7} {change.name:<{width}}  {_versions(change)}"
        yield f"  {what}  {_origin(change, plan)}{_size(change)}"
    for pin in plan.builds:
        for part in pin.parts:
            yield f"  {'take':<7} {part.project:<{width}}  files of {part.filename}  from {part.source}"
    for pin in resolution.pins:
        if pin.installed:
            yield f"  {'keep':<7} {pin.name:<{width}}  {pin.version}"


def tell_plan(plan: Plan, resolution: Resolution, listen: Listener) -> None:
    """Announce the plan before it is carried out."""
    for line in plan_lines(plan, resolution):
        listen(Event(kind="step", text=line))


@contextmanager
def with_data(data: Mapping[str, Any]) -> Iterator[None]:
    """Let an error that leaves the block carry the decision and the plan that it is about."""
    try:
        yield
    except IpexenvError as error:
        error.data = {**data, **(error.data or {})}
        raise


def failed_checks(report: VerifyReport | None, *, rolled_back: bool) -> tuple[Problem, ...]:
    """Return the one problem that `install --verify` reports, in the words of `verify`."""
    if report is None or report.passed:
        return ()
    failed = report.failed
    return (
        Problem(
            code="check-failed",
            message=f"{len(failed)} of {len(report.checks)} checks failed: {', '.join(check.id for check in failed)}",
            causes=(*(f"{check.id}: {check.detail}" for check in failed), *((UNDONE,) if rolled_back else ())),
            hint=next((check.hint for check in failed if check.hint), None),
        ),
    )


def show_outcome(  # noqa: PLR0913 (everything that became of it)
    console: Console,
    *,
    resolution: Resolution,
    plan: Plan,
    changed: bool,
    rolled_back: bool,
    report: VerifyReport | None,
    way_back: str,
) -> None:
    """Print what became of it, the notes, and the way back."""
    names = _listed([f"{pin.name} {pin.version}" for pin in resolution.pins])
    if plan.nothing_to_do:
        console.print(f"nothing to do: {names} {_are(resolution)} there")
    elif changed:
        console.print(f"installed: {names}")
    elif rolled_back:
        console.print(f"not installed: {names}; {UNDONE}")
    else:
        for line in plan_lines(plan, resolution):
            console.print(line)
        console.print("nothing was changed (dry run)")
    if resolution.ccl_reason:
        provider = "no ccl backend" if resolution.ccl == "none" else f"the ccl backend is the {resolution.ccl}"
        console.print(f"note: {provider}: {resolution.ccl_reason}")
    for note in resolution.notes:
        console.print(f"note: {note.text}")
    if changed and plan.venv is None:
        console.print(f"way back: `{way_back}`")
    if report is not None:
        show_report(report, console)


def _origin(change: Change, plan: Plan) -> str:
    built = any(pin.name == change.name for pin in plan.builds)
    return change.source if built else f"from {change.source}"


def _verb(change: Change) -> str:
    return "add" if change.before is None else "replace"


def _versions(change: Change) -> str:
    yanked = " (yanked)" if change.yanked is not None else ""
    return f"{change.after}{yanked}" if change.before is None else f"{change.before} -> {change.after}{yanked}"


def _size(change: Change) -> str:
    return f" ({change.size_bytes / _MB:.0f} MB)" if change.size_bytes and change.size_bytes >= _MB else ""


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _are(resolution: Resolution) -> str:
    return "is" if len(resolution.pins) == 1 else "are"
