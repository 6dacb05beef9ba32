"""Ask the places that serve wheels whether they still do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ipexenv.doctor.diagnosis import Symptoms, diagnose
from ipexenv.doctor.finding import Finding
from ipexenv.system.http import UnreachableError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ipexenv.doctor.surroundings import Surroundings
    from ipexenv.system.world import World
    from ipexenv.tables.failures import Failure
    from ipexenv.tables.schema import Tables

LIMIT_S = 10.0
MOST_BYTES = 4 << 20
"""A page of links; what is larger answers as well, and is not read."""


def silent_sources(world: World, tables: Tables, failures: Sequence[Failure], seen: Surroundings) -> Iterator[Finding]:
    """Give a finding for each source of the tables that does not answer; those known to be dead are not asked."""
    for source in tables.sources:
        if not source.ask:
            continue
        try:
            world.http.get(source.url, accept="text/html", limit_s=LIMIT_S, max_bytes=MOST_BYTES)
        except UnreachableError as error:
            status = "" if error.status is None else f"HTTP error {error.status} while getting {source.url}"
            known = diagnose(Symptoms(printed=f"{status}\n{error}"), failures, seen)
            yield Finding(
                id="source-silent" if known is None else known.failure.id,
                severity="warning",
                summary=f"the source {source.name} does not answer: {error}",
                evidence=(source.url,),
                cause="it is down, or a proxy or firewall is in between" if known is None else known.cause,
                cure="`ipexenv install` goes on to the next source; a wheelhouse (`ipexenv wheelhouse DIR`) needs none"
                if known is None
                else known.cure,
                place="network",
            )
