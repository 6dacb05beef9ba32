"""From what a log shows to its causes, best first. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ipexenv.tables.failures import SEVERITIES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ipexenv.doctor.scanning import Line, Scan, Sighting
    from ipexenv.facts import Facts, Package
    from ipexenv.tables.failures import Circumstances, Failure

SHOWN_LINES = 5

_TELLING = (
    re.compile(r"^(\w+\.)*[A-Z]\w*(Error|Exception|Interrupt|Exit)\b"),
    re.compile(r"\b(ERROR|FATAL|CRITICAL|Traceback|terminate called|core dumped|Killed|Aborted)\b"),
    re.compile(r"\b(error|fatal|failed|failure|cannot|unable to|denied|timed out|no such|not found)\b", re.IGNORECASE),
)
"""What makes a line worth showing where nothing is recognised: the most telling first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cause:
    """One explanation of a log."""

    failure: Failure
    lines: tuple[Line, ...]
    """The first lines that show it."""
    count: int
    """How often it was seen."""
    groups: tuple[tuple[str, str], ...] = ()
    """What the first match told, by the names of the pattern's groups."""
    unlikely: str | None = None
    """Why the environment at hand speaks against it; None where nothing does."""


def rank(scan: Scan, facts: Facts | None = None) -> tuple[Cause, ...]:
    """Return the causes that ``scan`` shows, best first; benign messages are never among them.

    Fatal before degraded before info; what says more than that something failed before what does not; what can be true
    of the environment (``facts``, where they are known) before what cannot; then in the order of the log, since what
    comes first pulls the rest along.
    """
    explained = _explained_better(scan.sightings)
    causes = [
        Cause(
            failure=sighting.failure,
            lines=lines,
            count=sighting.count,
            groups=tuple(sighting.groups.items()),
            unlikely=None if facts is None else _objection(sighting.failure.when, facts),
        )
        for sighting in scan.sightings
        if sighting.failure.severity != "benign"
        and (lines := tuple(line for line in sighting.lines if (sighting.failure.id, line.number) not in explained))
    ]
    return tuple(sorted(causes, key=_place))


def benign(scan: Scan) -> tuple[Sighting, ...]:
    """Return what was seen and means nothing."""
    return tuple(sighting for sighting in scan.sightings if sighting.failure.severity == "benign")


def suspicious_lines(tail: Sequence[Line]) -> tuple[Line, ...]:
    """Return the lines of the end of a log that most look like a failure, in their order."""
    chosen: dict[int, Line] = {}
    for telling in _TELLING:
        hits = [line for line in tail if telling.search(line.text)]
        for line in reversed(hits):  # the last words tell most
            if len(chosen) < SHOWN_LINES:
                chosen.setdefault(line.number, line)
    return tuple(chosen[number] for number in sorted(chosen))


def _explained_better(sightings: Iterable[Sighting]) -> set[tuple[str, int]]:
    """Return pairs of id and line number for which another failure on that line says more."""
    return {
        (other, line.number) for sighting in sightings for line in sighting.lines for other in sighting.failure.over
    }


def _place(cause: Cause) -> tuple[bool, int, bool, int]:
    failure = cause.failure
    return (cause.unlikely is not None, SEVERITIES.index(failure.severity), failure.generic, cause.lines[0].number)


def _objection(when: Circumstances, facts: Facts) -> str | None:
    """Return why the failure cannot have happened in this environment; unknown facts do not object."""
    for name, versions in when.packages:
        package: Package | None = getattr(facts.installed, name)
        if package is not None and not versions.contains(package.version, prereleases=True):
            return f"{package.name} {package.version} is installed, and only {versions} has it"
    if when.python is not None and not when.python.contains(facts.target.version, prereleases=True):
        return f"this is Python {facts.target.version}, and only {when.python} has it"
    libc = facts.host.libc
    if when.glibc is not None and libc.version is not None and not when.glibc.contains(libc.version):
        return f"this is {libc.family} {libc.version}, and only {when.glibc} has it"
    isa = facts.host.cpu.isa
    if when.isa_below is not None and isa is not None and isa >= when.isa_below:
        return f"this CPU has {isa.label}, and only those below {when.isa_below.label} have it"
    return None


def filled(text: str, words: Mapping[str, str]) -> str:
    """Return ``text`` with ``{name}`` replaced by ``words``; a name without a word becomes ``NAME``, for the reader."""
    return re.sub(r"\{([a-z_]+)\}", lambda match: words.get(match[1], match[1].upper()), text)
