"""Ask every source at once what it offers, each within a short limit; a dead one is reported once and passed over."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from ipexenv.errors import AnswerIsNo, OutsideError
from ipexenv.events import Event
from ipexenv.install.addresses import is_local, scheme, without_credentials
from ipexenv.install.configuration import read_configuration
from ipexenv.install.constraints import allowed, read_constraints
from ipexenv.install.engine import find_uv
from ipexenv.install.local import local_listing
from ipexenv.install.pages import ACCEPT, Link, PageError, offers, read_listing
from ipexenv.install.parallel import in_parallel
from ipexenv.install.places import places
from ipexenv.outcome import Market, Offer, SourceReport
from ipexenv.system.http import UnreachableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ipexenv.events import Listener
    from ipexenv.facts import Facts
    from ipexenv.install.pages import Listing
    from ipexenv.install.places import Place
    from ipexenv.system.http import Http
    from ipexenv.system.world import World
    from ipexenv.tables.schema import Tables

LIMIT_S = 8.0
_ROOT_LIMIT_S = 4.0
_MAX_PAGE_BYTES = 64 << 20
_NOT_FOUND = 404


@dataclass
class _Reply:
    """What one place said."""

    links: list[Link] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)
    """Project (empty for the whole place) -> why it could not be had."""

    def add(self, other: _Reply) -> None:
        self.links += other.links
        self.failures.update(other.failures)


def survey(  # noqa: PLR0913 (two stages' results, the user's word, and the outside world)
    world: World,
    *,
    tables: Tables,
    facts: Facts,
    user_sources: tuple[str, ...],
    listen: Listener,
    engine: str = "auto",
    offline: bool = False,
    bridge: bool = True,
) -> Market:
    """Return what the user's sources, the configured indexes and the tables' sources offer, in that order.

    ``engine`` is ``auto``, ``pip`` or ``uv``: uv's own configuration counts only where uv will do the work. With
    ``offline`` nothing is asked that is not on this machine, and without ``bridge`` nobody for what that is made from.
    Never fails for what a source does: its report says it. Raises UsageError for a user source or a configuration file
    that cannot be used.
    """
    with_uv = engine != "pip" and find_uv(world) is not None
    configuration = read_configuration(world, prefix=facts.target.prefix, with_uv=with_uv)
    asked = places(
        world,
        tables=tables,
        facts=facts,
        configuration=configuration,
        user_sources=user_sources,
        offline=offline,
        bridge=bridge,
    )
    listen(Event(kind="step", text=f"asking {len(asked)} source{'' if len(asked) == 1 else 's'}"))
    results = in_parallel([partial(_ask, place, world.http) for place in asked], limit_s=LIMIT_S + 1)
    found: list[Offer] = []
    reports: list[SourceReport] = []
    for place, result in zip(asked, results, strict=True):
        reply, seconds = result or (_Reply(failures={"": f"no answer within {LIMIT_S:g} s"}), LIMIT_S)
        listed = offers(
            reply.links,
            projects=place.projects,
            source=place.name,
            configured=place.configured,
            python=facts.target.version,
        )
        found += listed
        reports.append(_report(place, reply, len(listed), seconds))
        _tell(reports[-1], listen)
    return Market(
        asked=True, offers=_constrained(found, configuration.constraints, world, listen), reports=tuple(reports)
    )


def _constrained(found: list[Offer], files: tuple[str, ...], world: World, listen: Listener) -> tuple[Offer, ...]:
    """Leave out what the user's constraint files exclude, and say so: the engine would refuse it."""
    constraints = read_constraints(files, world)
    left = allowed(found, constraints)
    before, after = (Counter(offer.project for offer in offers) for offers in (found, left))
    for project in sorted(before.keys() & set(constraints)):
        if after[project] < before[project]:
            text = f"constraint: {project}{constraints[project]}, from {', '.join(files)}"
            listen(Event(kind="step", text=text))
    return left


@contextmanager
def blaming_sources() -> Iterator[None]:
    """Turn a no that is the fault of the sources into OutsideError: the tables say yes, and nobody has the file."""
    try:
        yield
    except AnswerIsNo as error:
        if error.code != "no-source":
            raise
        raise OutsideError(
            error.message, code=error.code, causes=error.causes, hint=error.hint, data=error.data
        ) from None


def _ask(place: Place, http: Http) -> tuple[_Reply, float]:
    started = time.monotonic()
    reply = _ask_local(place) if is_local(place.address) else _ask_web(place, http)
    return reply, time.monotonic() - started


def _ask_local(place: Place) -> _Reply:
    try:
        return _Reply(links=list(local_listing(place.address, projects=place.projects)))
    except (OSError, PageError) as error:
        return _Reply(failures={"": getattr(error, "strerror", None) or str(error)})


def _ask_web(place: Place, http: Http) -> _Reply:
    """Ask a page of links, an index, or first the address itself which of the two it is."""
    if place.kind == "simple":
        return _ask_index(place, http, limit_s=LIMIT_S)
    limit_s = LIMIT_S if place.kind == "find-links" else _ROOT_LIMIT_S
    try:
        listing = _fetch(place.address, place, http, limit_s=limit_s)
    except UnreachableError as error:
        # Hosts often forbid or lack the root of an index whose project pages they serve.
        if place.kind == "unknown" and error.status is not None:
            return _ask_index(place, http, limit_s=LIMIT_S - limit_s)
        return _Reply(failures={"": str(error)})
    except PageError as error:
        return _Reply(failures={"": str(error)})
    if listing.links or place.kind == "find-links":
        return _page_reply(listing)
    return _ask_index(place, http, limit_s=LIMIT_S - limit_s)


def _ask_index(place: Place, http: Http, *, limit_s: float) -> _Reply:
    jobs = [partial(_ask_project, project, place, http, limit_s=limit_s) for project in place.projects]
    whole = _Reply()
    for project, reply in zip(place.projects, in_parallel(jobs, limit_s=limit_s + 0.5), strict=True):
        whole.add(reply or _Reply(failures={project: f"no answer within {limit_s:.0f} s"}))
    return whole


def _ask_project(project: str, place: Place, http: Http, *, limit_s: float) -> _Reply:
    try:
        return _page_reply(_fetch(f"{place.address.rstrip('/')}/{project}/", place, http, limit_s=limit_s), project)
    except UnreachableError as error:
        return _Reply() if error.status == _NOT_FOUND else _Reply(failures={project: str(error)})
    except PageError as error:
        return _Reply(failures={project: str(error)})


def _fetch(url: str, place: Place, http: Http, *, limit_s: float) -> Listing:
    page = http.get(url, accept=ACCEPT, limit_s=limit_s, max_bytes=_MAX_PAGE_BYTES, access=place.access)
    if scheme(url) == "https" and scheme(page.url) == "http":
        raise PageError("it leads from https to plain http, where nothing protects a download")
    return read_listing(page)


def _page_reply(listing: Listing, project: str = "") -> _Reply:
    if not listing.links and not listing.is_index:
        return _Reply(failures={project: "its page lists no files: it may be an error or log-in page"})
    return _Reply(links=list(listing.links))


def _report(place: Place, reply: _Reply, offered: int, seconds: float) -> SourceReport:
    state: str
    if reply.failures:
        projects, words = zip(*reply.failures.items(), strict=True)
        whole = "" in projects or len(projects) == len(place.projects)
        detail = words[0] if whole else f"{words[0]} (for {', '.join(projects)})"
        state = "failed"
    elif offered:
        state, detail = "answered", f"{offered} wheels"
    else:
        state, detail = "empty", f"has no wheel of {', '.join(place.projects)} for this Python"
    return SourceReport(
        name=place.name,
        url=without_credentials(place.address),
        state=state,  # type: ignore[arg-type]  # one of the words above
        detail=detail,
        seconds=round(seconds, 3),
    )


def _tell(report: SourceReport, listen: Listener) -> None:
    kind = "step" if report.state == "failed" else "detail"
    ending = "; passed over" if report.state == "failed" else f" ({report.seconds:.1f} s)"
    listen(Event(kind=kind, text=f"source {report.name}: {report.detail}{ending}"))  # type: ignore[arg-type]
