"""From what the children did to findings. Pure."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from ipexenv.doctor.child_endings import child_ending
from ipexenv.doctor.diagnosis import Symptoms, diagnose
from ipexenv.doctor.finding import Finding
from ipexenv.doctor.ranking import suspicious_lines
from ipexenv.doctor.scanning import Line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ipexenv.doctor.children import Child
    from ipexenv.doctor.surroundings import Surroundings
    from ipexenv.tables.failures import Failure
    from ipexenv.verify.checks import Check

_ALONE = {
    "openmp": r"(?P<same>)lib(gomp|iomp5|omp)\b.*",
    "libccl": r"(?P<same>libccl\.so\.\d+).*",
    "libmpi": r"(?P<same>)libmpi\.so.*",
    "libfabric": r"(?P<same>)libfabric\.so.*",
}
"""What one process should have once, and the names of its files; those whose ``same`` agrees are copies of one.

One oneCCL is of several files: ``libccl.so.2`` beside ``libccl.so.1`` is no second one.
"""

_OF_RANKS = frozenset({"allreduce", "ddp", "ddp-gloo"})
_LAST_LINES = 3


def from_children(children: Iterable[Child], seen: Surroundings, failures: Sequence[Failure]) -> Iterator[Finding]:
    """Give one finding for each import that did not work, or that worked and complained of something known."""
    broken: set[str] = set()
    for child in children:
        ending = child_ending(child.ended, came_back=child.came_back, limit_s=child.limit_s)
        told = None if ending.kind == "hang" else ending.returncode  # that signal was ours
        symptoms = Symptoms(printed=child.printed, returncode=told, about=child.name)
        known = diagnose(symptoms, failures, seen)
        if ending.kind == "fine":
            if known is None or known.failure.severity != "degraded":
                continue
        elif broken.intersection(child.modules[:-1]):
            continue  # what it stands on does not work: that was said
        else:
            broken.add(child.name)
        words = ending.words if ending.kind != "fine" else "works, and complains"
        yield Finding(
            id=known.failure.id if known is not None else f"import-{ending.kind}",
            severity="warning" if ending.kind in {"fine", "late-death"} else "error",
            summary=f"importing {child.name} {words}",
            evidence=(child.command, *(_shown(child.printed) if known is None else known.lines)),
            cause=known.cause if known is not None else ending.cause,
            cure=known.cure
            if known is not None
            else f"`ipexenv status{seen.target_words}` shows what is installed where; install {child.name} again",
        )


def _shown(printed: str) -> tuple[str, ...]:
    """Return the lines that look most like a failure, else the last ones."""
    texts = [line.strip() for line in printed.splitlines() if line.strip()]
    telling = suspicious_lines([Line(number=number, text=text) for number, text in enumerate(texts)])
    return tuple(line.text for line in telling[-_LAST_LINES:]) or tuple(texts[-_LAST_LINES:])


def from_checks(checks: Sequence[Check], seen: Surroundings, failures: Sequence[Failure]) -> Iterator[Finding]:
    """Give one finding for each check of `verify` that did not pass, with the known cause of what it printed."""
    imports_fail = any(check.id == "import" and check.status == "fail" for check in checks)
    for check in checks:
        yield from _twice_loaded(check, preloaded=seen.env.get("LD_PRELOAD", ""))
        follows = imports_fail and check.id != "import" and not check.measurements
        if check.status not in {"fail", "degraded"} or follows:
            continue
        hangs = check.measurements.get("code") == "timed-out"
        symptoms = Symptoms(
            printed=f"{check.output}\n{check.detail}",
            returncode=None if hangs else check.measurements.get("returncode"),
            about=str(check.measurements.get("stage") or "").removeprefix("import "),
            waits_for_ranks=hangs and check.id in _OF_RANKS,
        )
        known = diagnose(symptoms, failures, seen)
        yield Finding(
            id=f"verify-{check.id}" if known is None else known.failure.id,
            severity="error" if check.status == "fail" else "warning",
            summary=f"`verify` found in {check.id}: {check.detail}",
            evidence=(_shown(check.output) or (f"{check.id}: {check.status}",)) if known is None else known.lines,
            cause="nothing that ipexenv knows is in what it printed" if known is None else known.cause,
            cure=(check.hint or f"`ipexenv verify{seen.target_words} -v` shows all of it")
            if known is None
            else known.cure,
        )


def _twice_loaded(check: Check, *, preloaded: str) -> Iterator[Finding]:
    """Report runtimes of which the imports brought two into one process; a preloaded OpenMP answers for all."""
    paths: Sequence[str] = check.measurements.get("libraries") or ()
    for kind, pattern in _ALONE.items():
        if kind == "openmp" and re.search(r"lib(iomp5|omp)\.so", preloaded):
            continue
        copies = _copies(pattern, paths)
        if copies:
            yield Finding(
                id=f"two-{kind}",
                severity="warning",
                summary=f"importing loads {len(copies)} copies of {'OpenMP' if kind == 'openmp' else kind}",
                evidence=copies,
                cause="two packages bring their own; their threads and settings do not know of each other",
                cure="`ipexenv run` preloads one where that helps; leave out the package that brings the other",
            )


def _copies(pattern: str, paths: Sequence[str]) -> tuple[str, ...]:
    """Return the paths of which there are at least two for one and the same thing."""
    by_thing: dict[str, list[str]] = {}
    for path in paths:
        match = re.fullmatch(pattern, PurePosixPath(path).name)
        if match is not None:
            by_thing.setdefault(match["same"], []).append(path)
    return tuple(path for same in by_thing.values() if len(same) > 1 for path in same)
