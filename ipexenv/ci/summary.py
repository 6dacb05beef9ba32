"""The summary of a run, as Markdown. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ipexenv.ci.markdown import folded, plain_cell, prose, table
from ipexenv.resolve.explain import group_rejections

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_STATUSES = ("pass", "degraded", "fail", "skip")


@dataclass(frozen=True, kw_only=True, slots=True)
class CacheTold:
    """What became of the cache."""

    hit: bool
    """Whether the environment came out of it."""
    why: str
    """Why so, as ``every file is the same by its hash`` or ``no entry for this key``."""


def summary(
    document: Mapping[str, Any],
    *,
    timings: Mapping[str, float] | None = None,
    cache: CacheTold | None = None,
    facts: Mapping[str, Any] | None = None,
    findings: Sequence[Mapping[str, Any]] = (),
) -> str:
    """Return what was done, for people: what was chosen and why, the checks, times, the host, what is wrong.

    ``document`` is what ``ipexenv install --json`` answered, ``timings`` are seconds by stage, ``facts`` those of
    ``status --verbose --json``, and ``findings`` those of ``doctor --json``.
    """
    data = document.get("data") or {}
    lines = [
        *_title(document, data),
        *_problems(document),
        *_findings(findings),
        *_chosen(data),
        *_checks(data),
        *_times(timings or {}, cache),
        *_host(facts or {}),
    ]
    return "\n".join(lines).rstrip("\n") + "\n"


def checks_of(data: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Return the checks of ``verify`` in the data of ``install``, none where nothing was proved."""
    found: Sequence[Mapping[str, Any]] = (data.get("verify") or {}).get("checks", ())
    return found


def _title(document: Mapping[str, Any], data: Mapping[str, Any]) -> Iterator[str]:
    torch, stack = data.get("torch"), data.get("stack")
    if torch and not document.get("problems"):
        yield f"## ipexenv: torch {plain_cell(torch)}, {'stock PyTorch' if stack == 'native' else 'with IPEX'}"
    else:
        yield "## ipexenv"
    yield ""


def _problems(document: Mapping[str, Any]) -> Iterator[str]:
    for problem in document.get("problems", ()):
        yield f"**{prose(problem['message'])}** ({plain_cell(problem['code'])})"
        yield ""
        yield from (f"- because {prose(cause)}" for cause in problem.get("causes", ()))
        if problem.get("hint"):
            yield f"- hint: {prose(problem['hint'])}"
        yield ""


def _findings(findings: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if not findings:
        return
    yield "### Findings"
    yield ""
    for finding in findings:
        yield f"- **{plain_cell(finding['severity'])}**: {prose(finding['summary'])} ({plain_cell(finding['id'])})"
        yield from (f"  - seen: {plain_cell(line)}" for line in finding.get("evidence", ()))
        told = {"because": finding.get("cause"), "cure:": finding.get("cure")}
        yield from (f"  - {word} {prose(text)}" for word, text in told.items() if text)
    yield ""


def _chosen(data: Mapping[str, Any]) -> Iterator[str]:
    why = {entry["name"]: entry["why"] for entry in data.get("why", ())}
    rows = [
        (plain_cell(pin["name"]), _version(pin), _origin(pin), prose(why.get(pin["name"], "")))
        for pin in data.get("pins", ())
    ]
    yield from table(("package", "version", "from", "why"), rows)
    ccl = data.get("ccl") or {}
    if ccl.get("provider"):
        because = f", because {prose(ccl['reason'])}" if ccl.get("reason") else ""
        yield f"ccl: {plain_cell(ccl['provider'])}{because}"
        yield ""
    notes = [prose(note["text"]) for note in data.get("notes", ())]
    yield from (*(f"- note: {note}" for note in notes), *([""] if notes else []))
    rejected = group_rejections(data.get("rejections", ()))
    lines = table(
        ("release", "rejected because it"),
        ((plain_cell(f"{one.distribution} {one.version}"), prose("; ".join(one.reasons))) for one in rejected),
    )
    yield from folded(f"{len(rejected)} other {'release' if len(rejected) == 1 else 'releases'} rejected", lines)


def _version(pin: Mapping[str, Any]) -> str:
    yanked = pin.get("yanked")
    return plain_cell(pin["version"]) + ("" if yanked is None else f" (yanked{': ' if yanked else ''}{prose(yanked)})")


def _origin(pin: Mapping[str, Any]) -> str:
    if pin.get("installed"):
        return "it was installed"
    built = [f"{part['filename']} of {part['source']}" for part in pin.get("built_from", ())]
    return plain_cell(f"built from {', '.join(built)}" if built else pin["source"])


def _checks(data: Mapping[str, Any]) -> Iterator[str]:
    checks = checks_of(data)
    if not checks:
        return
    statuses = [check["status"] for check in checks]
    counts = ", ".join(f"{statuses.count(name)} {name}" for name in _STATUSES if name in statuses)
    yield f"### Checks: {counts}"
    yield ""
    rows = [
        (plain_cell(check["id"]), _status(check["status"]), f"{check['seconds']:.1f}", prose(check["detail"]))
        for check in checks
    ]
    yield from table(("check", "status", "seconds", "detail"), rows)
    hints = [f"- {plain_cell(check['id'])}: {prose(check['hint'])}" for check in checks if check.get("hint")]
    yield from (*hints, *([""] if hints else []))


def _status(status: str) -> str:
    return plain_cell(status) if status in {"pass", "skip"} else f"**{plain_cell(status)}**"


def _times(timings: Mapping[str, float], cache: CacheTold | None) -> Iterator[str]:
    rows = [(plain_cell(stage), f"{seconds:.1f}") for stage, seconds in timings.items()]
    yield from table(("stage", "seconds"), rows)
    if cache is not None:
        yield f"cache: {'hit' if cache.hit else 'not used'}, {prose(cache.why)}"
        yield ""


def _host(facts: Mapping[str, Any]) -> Iterator[str]:
    host, target = facts.get("host") or {}, facts.get("target") or {}
    cpu, topology, libc = (host.get(name) or {} for name in ("cpu", "topology", "libc"))
    known = {
        "CPU": cpu.get("model"),
        "instruction set": cpu.get("isa"),
        "cores": topology.get("usable_cores"),
        "Python": _joined(target.get("implementation"), target.get("version")),
        "C library": _joined(libc.get("family"), libc.get("version")),
        "system": _joined(host.get("distribution") or host.get("system"), host.get("architecture")),
    }
    rows = [(name, plain_cell(value)) for name, value in known.items() if value]
    yield from folded("The host", table(("", ""), rows))


def _joined(*words: str | None) -> str:
    return " ".join(word for word in words if word)
