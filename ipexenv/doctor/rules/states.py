"""Known failures that no log shows, because they are a state of the environment. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ipexenv.doctor.finding import Finding
from ipexenv.doctor.ranking import filled
from ipexenv.doctor.words import cure_words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ipexenv.doctor.surroundings import Surroundings
    from ipexenv.tables.failures import Circumstances, Failure

_EVERYWHERE = "torch"
"""It is in every environment that matters, so that its version alone makes nothing a trouble of this one."""


def known_states(seen: Surroundings, failures: Sequence[Failure]) -> Iterator[Finding]:
    """Report failures without a message whose circumstances are those of this environment, all of them known."""
    words = cure_words(seen.facts, seen.target_words)
    for failure in failures:
        if failure.patterns or failure.ending is not None:
            continue
        evidence = _circumstances(failure.when, seen)
        if evidence:
            yield Finding(
                id=failure.id,
                severity="warning" if failure.severity == "fatal" else "info",
                summary=filled(failure.cause, words),
                evidence=evidence,
                cause=f"known from {', '.join(failure.provenance.source)}",
                cure=filled(failure.cure, words),
            )


def _circumstances(when: Circumstances, seen: Surroundings) -> tuple[str, ...]:
    """Return what makes ``when`` true here, nothing where it is not, or where a part of it is not known."""
    facts, found = seen.facts, []
    if when.python is not None or when.glibc is not None:
        return ()
    for name, versions in when.packages:
        package = getattr(facts.installed, name)
        if package is None or not versions.contains(package.version, prereleases=True):
            return ()
        if name != _EVERYWHERE:
            found.append(f"{package.name} {package.version}")
    isa = facts.host.cpu.isa
    if when.isa_below is not None:
        if isa is None or isa >= when.isa_below:
            return ()
        found.append(f"this CPU has {isa.label}, which is below {when.isa_below.label}")
    return tuple(found)
