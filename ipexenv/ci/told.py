"""What later steps of a workflow are told of the environment. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ipexenv.answer import Problem
from ipexenv.ci.dialect import Remark
from ipexenv.ci.summary import checks_of
from ipexenv.verify.checks import Check, VerifyReport

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ipexenv.ci.dialect import Level
    from ipexenv.ci.inputs import Proving

_IPEX = "intel_extension_for_pytorch"
_QUIET = frozenset({"assumed", "beside"})
"""Notes that say how something was decided, not that there is anything to do."""
_COUNTED = (("pass", "pass"), ("degraded", "degraded"), ("skip", "skipped"))
_LOUD = frozenset({"yanked", "unknown-release", "unreleased-torch"})


def outputs(
    document: Mapping[str, Any], *, venv: str, isa: str | None, hit: bool, files: Mapping[str, str]
) -> dict[str, str]:
    """Return the outputs of the step; ``document`` is what ``ipexenv install --json`` answered."""
    data = document.get("data") or {}
    ccl = data.get("ccl") or {}
    ipex = next((pin["version"] for pin in data.get("pins", ()) if pin["name"] == _IPEX), "")
    return {
        "torch": data.get("torch") or "",
        "ipex": ipex,
        "ccl-provider": ccl.get("provider") or "",
        "ccl-version": ccl.get("version") or "",
        "python": f"{venv}/bin/python" if venv else "",
        "venv": venv,
        "isa": isa or "",
        "cache-hit": "true" if hit else "false",
        **files,
    }


def ready(outputs: Mapping[str, str], document: Mapping[str, Any]) -> str:
    """Return the one line that says what is there now; ``outputs`` are the step's."""
    ipex, provider = outputs["ipex"], outputs["ccl-provider"]
    parts = [f"torch {outputs['torch']}", *([f"IPEX {ipex}"] if ipex else [])]
    parts += [f"ccl from the {provider}" if provider in {"bridge", "bindings"} else "no ccl backend"]
    states = [check["status"] for check in checks_of(document.get("data") or {})]
    counts = ", ".join(f"{states.count(state)} {word}" for state, word in _COUNTED if state in states)
    parts += [f"checks: {counts}"] if counts else []
    return f"ready: {', '.join(parts)}, in {outputs['venv']}"


def remarks(document: Mapping[str, Any], proving: Proving) -> Iterator[Remark]:
    """Yield what people should see: problems, checks that are degraded, and what the resolution has to note."""
    for code, text in trouble(document):
        yield Remark(level="error", title=f"ipexenv: {code}", text=text)
    level: Level = "error" if proving == "strict" else "warning"
    title = "ipexenv: verify is strict" if proving == "strict" else "ipexenv: degraded"
    for text in _degraded(document):
        yield Remark(level=level, title=title, text=text)
    for note in (document.get("data") or {}).get("notes", ()):
        if note["code"] not in _QUIET:
            loud = note["code"] in _LOUD
            yield Remark(level="warning" if loud else "notice", title=f"ipexenv: {note['code']}", text=note["text"])


def trouble(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield code and text of each problem."""
    for problem in document.get("problems", ()):
        causes = "".join(f"\nbecause {cause}" for cause in problem.get("causes", ()))
        hint = f"\nhint: {problem['hint']}" if problem.get("hint") else ""
        yield problem["code"], f"{problem['message']}{causes}{hint}"


def problems_of(document: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield each problem as commands have them."""
    for row in document.get("problems", ()):
        yield Problem(
            code=row["code"], message=row["message"], causes=tuple(row.get("causes", ())), hint=row.get("hint")
        )


def report_of(document: Mapping[str, Any]) -> VerifyReport | None:
    """Return the checks as ``verify`` had them, None where nothing was proved."""
    checks = tuple(
        Check(
            id=row["id"],
            status=row["status"],
            detail=row["detail"],
            seconds=row["seconds"],
            measurements=row.get("measurements", {}),
            output=row.get("output", ""),
            hint=row.get("hint"),
        )
        for row in checks_of(document.get("data") or {})
    )
    return VerifyReport(checks=checks) if checks else None


def _degraded(document: Mapping[str, Any]) -> Iterator[str]:
    for check in checks_of(document.get("data") or {}):
        if check["status"] == "degraded":
            yield f"{check['id']}: {check['detail']}"
