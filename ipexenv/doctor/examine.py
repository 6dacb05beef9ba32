"""Put all rules to the surroundings. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ipexenv.doctor.finding import Finding, in_order
from ipexenv.doctor.rules import hosts, libraries, machine, packages, transport, variables

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from ipexenv.doctor.finding import Place
    from ipexenv.doctor.surroundings import Surroundings
    from ipexenv.tables.schema import Tables

    Rule = Callable[[Surroundings], Iterator[Finding]]

_PLACES: tuple[tuple[Place, tuple[Rule, ...]], ...] = (
    ("packages", packages.RULES),
    ("machine", libraries.RULES),
    ("shell", variables.RULES),
    ("shell", transport.RULES),
    ("network", hosts.RULES),
    ("machine", machine.RULES),
)
RULES = tuple(rule for _, rules in _PLACES for rule in rules)
TABLE_RULES = (packages.misfits, packages.frameworks, packages.cuda_build)


def examine(seen: Surroundings, tables: Tables) -> tuple[Finding, ...]:
    """Return everything that the rules find, the worst first."""
    judged = [finding for rule in TABLE_RULES for finding in rule(seen, tables)]
    found = [replace(each, place=place) for place, rules in _PLACES for rule in rules for each in rule(seen)]
    return in_order((*_as_the_files_say(judged, seen), *(each for each in found if not _is_said(each, judged))))


def _as_the_files_say(judged: Iterable[Finding], seen: Surroundings) -> Iterator[Finding]:
    """Leave out what the tables say of an executable stack where the mark has been cleared on the installed file."""
    read = [use for use in seen.libraries if use.package == "IPEX"]
    cleared = bool(read) and not any(use.executable_stack for use in read)
    return (finding for finding in judged if not (finding.id == "execstack" and cleared))


def _is_said(finding: Finding, judged: Iterable[Finding]) -> bool:
    """Say whether the judgement by the tables holds the same already."""
    if finding.id == "library-missing":
        library = finding.summary.partition(" needs ")[2].partition(",")[0]
        stem = "libpython" if library.startswith("libpython") else library
        return any(other.id == "libraries" and stem in other.summary for other in judged)
    return finding.id == "execstack" and any(other.id == "execstack" for other in judged)
