"""Put all rules to the surroundings, and with ``--deep`` the environment to the proof."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from ipexenv.doctor.finding import Finding, in_order
from ipexenv.doctor.ranking import filled, rank
from ipexenv.doctor.rules import machine, packages, variables
from ipexenv.doctor.scanning import scan
from ipexenv.doctor.words import cure_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ipexenv.doctor.surroundings import Surroundings
    from ipexenv.tables.failures import Failure
    from ipexenv.tables.schema import Tables
    from ipexenv.verify.checks import Check

_ALONE = {
    "openmp": ("libgomp", "libiomp5", "libomp"),
    "libccl": ("libccl",),
    "libmpi": ("libmpi.",),
    "libfabric": ("libfabric",),
}
"""What one process should have once, and the beginnings of its libraries' names."""

RULES = (*packages.RULES, *variables.RULES, *machine.RULES)


def examine(seen: Surroundings, tables: Tables) -> tuple[Finding, ...]:
    """Return everything that the rules find, the worst first."""
    found = [
        *packages.misfits(seen, tables),
        *packages.frameworks(seen, tables),
        *(finding for rule in RULES for finding in rule(seen)),
    ]
    return in_order(tuple(found))


def from_checks(checks: Iterable[Check], seen: Surroundings, failures: Sequence[Failure]) -> Iterator[Finding]:
    """Give one finding for each check of `verify` that did not pass, with the known cause of what it printed."""
    words = cure_words(seen.facts, seen.target_words)
    for check in checks:
        yield from _twice_loaded(check)
        if check.status not in {"fail", "degraded"}:
            continue
        causes = rank(scan([f"{check.output}\n{check.detail}\n".encode()], failures), seen.facts)
        known = next((cause for cause in causes if cause.unlikely is None), None)
        if known is not None:
            words = {**words, **dict(known.groups)}
        yield Finding(
            id=f"verify-{check.id}" if known is None else known.failure.id,
            severity="error" if check.status == "fail" else "warning",
            summary=f"`verify` found in {check.id}: {check.detail}",
            evidence=() if known is None else tuple(f"line {line.number}: {line.text}" for line in known.lines),
            cause=None if known is None else filled(known.failure.cause, words),
            cure=check.hint if known is None else filled(known.failure.cure, words),
        )


def _twice_loaded(check: Check) -> Iterator[Finding]:
    """Report runtimes of which the imports brought two into one process."""
    paths: Sequence[str] = check.measurements.get("libraries") or ()
    for kind, names in _ALONE.items():
        copies = [path for path in paths if PurePosixPath(path).name.startswith(names)]
        if len({PurePosixPath(path).name.partition("-")[0] for path in copies}) > 1 or len(copies) > 1:
            yield Finding(
                id=f"two-{kind}",
                severity="warning",
                summary=f"importing loads {len(copies)} copies of {kind.replace('-', ' ')}",
                evidence=tuple(copies),
                cause="two packages bring their own; their threads and settings do not know of each other",
                cure="`ipexenv run` preloads one where that helps; leave out the package that brings the other",
            )
