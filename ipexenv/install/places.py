"""Which places to ask, and for what: the user's sources, the configured indexes, the tables' sources."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from packaging.utils import canonicalize_name

from ipexenv.errors import UsageError
from ipexenv.install.addresses import is_local, is_web, local_path, without_credentials
from ipexenv.system.http import Access
from ipexenv.tables.bridge import BRIDGE_PROJECT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ipexenv.facts import Facts
    from ipexenv.install.configuration import Configuration
    from ipexenv.system.world import World
    from ipexenv.tables.schema import Tables

PlaceKind = Literal["simple", "find-links", "unknown"]

_PARTNERS = ("torchvision", "torchaudio")
_PIP_INDEX = re.compile(r"PyPI = PackageIndex\(\s*\"(https://[^\"]+)\"")


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """One place to ask."""

    name: str
    """As shown to people."""
    address: str
    """URL, with credentials where it has some, or absolute path of a folder or page."""
    kind: PlaceKind
    projects: tuple[str, ...]
    """Normalised names to ask for."""
    configured: bool
    """Whether the package engine finds its files by itself."""
    access: Access


def places(  # noqa: PLR0913 (who asks, what the tables and the configuration name, and what the user adds)
    world: World,
    *,
    tables: Tables,
    facts: Facts,
    configuration: Configuration,
    user_sources: tuple[str, ...],
    offline: bool,
    bridge: bool = True,
) -> tuple[Place, ...]:
    """Return the places to ask, the user's own first; offline only those on this machine.

    The configured indexes are never asked for projects that Intel put on no index, nor for the bridge itself: whoever
    registers such a name there must not get in. What the bridge is made from they are asked for, unless ``bridge`` is
    False. Raises UsageError for a user source that is no URL and does not exist.
    """
    everything = (*_projects(tables, facts), *(_bridge_projects(tables) if bridge else ()))
    on_no_index = _on_no_index(tables)
    on_index = tuple(project for project in everything if project not in on_no_index)
    found = [_user_place(address, everything, world, configuration) for address in user_sources]
    found += _configured_places(world, on_index, configuration)
    found += _table_places(tables, everything, configuration)
    if offline:
        found = [place for place in found if is_local(place.address)]
    return tuple(_without_repeats(found))


def _without_repeats(found: Iterable[Place]) -> Iterator[Place]:
    """Ask an address that is named twice only for what it was not asked for the first time."""
    asked: dict[str, set[str]] = {}
    for place in found:
        before = asked.setdefault(place.address.rstrip("/"), set())
        projects = tuple(project for project in place.projects if project not in before)
        before.update(projects)
        if projects:
            yield replace(place, projects=projects)


def access_to(address: str, configuration: Configuration) -> Access:
    """Return how to get through to the server of ``address``."""
    return Access(
        verify=False if configuration.trusts(address) else (configuration.cert or True),
        client_cert=configuration.client_cert,
        proxy=configuration.proxy,
    )


def built_in_index() -> str | None:
    """Return the index that pip uses when none is configured, read from the pip beside ipexenv; None if unreadable.

    The address is pip's to know, and starting pip to ask it would cost half a second.
    """
    spec = find_spec("pip")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        try:
            text = (Path(folder) / "_internal" / "models" / "index.py").read_text(encoding="utf-8")
        except OSError:
            continue
        match = _PIP_INDEX.search(text)
        if match:
            return f"{match.group(1).rstrip('/')}/simple"
    return None


def _projects(tables: Tables, facts: Facts) -> tuple[str, ...]:
    """Return the normalised names to look for: partners of torch only where they are installed."""
    names = ["torch", *(row.package for row in tables.ipex), *(row.package for row in tables.oneccl)]
    names += [partner for partner in _PARTNERS if getattr(facts.installed, partner) is not None]
    return tuple(dict.fromkeys(canonicalize_name(name) for name in names))


def _bridge_projects(tables: Tables) -> tuple[str, ...]:
    """Return the normalised names of what the bridge is made from, of Intel MPI, and of the bridge ready made."""
    names = [name for row in tables.bridge for name in (*row.projects, row.mpi.project)]
    return tuple(dict.fromkeys([*names, *([BRIDGE_PROJECT] if names else [])]))


def _on_no_index(tables: Tables) -> frozenset[str]:
    on_index = {canonicalize_name(release.package) for release in tables.ipex if release.python_on_index}
    own = {*(row.package for row in tables.ipex), *(row.package for row in tables.oneccl), BRIDGE_PROJECT}
    return frozenset({canonicalize_name(name) for name in own} - on_index)


def _user_place(address: str, projects: tuple[str, ...], world: World, configuration: Configuration) -> Place:
    if not is_web(address):
        path = local_path(address, world.directory)
        if not path.exists():
            raise UsageError(
                f"--source {address!r} does not exist",
                code="bad-source",
                causes=(f"{path} is neither a folder nor a page, and a URL starts with https:// or http://",),
                hint="name a folder of wheels, a find-links page or an index",
            )
        return _place(str(path), projects, configuration, kind="unknown", name=str(path))
    try:
        usable = bool(urlsplit(address).hostname)
    except ValueError:
        usable = False
    if not usable:
        raise UsageError(f"--source {without_credentials(address)!r} is not a URL", code="bad-source")
    kind: PlaceKind = "find-links" if urlsplit(address).path.endswith((".html", ".htm")) else "unknown"
    return _place(address, projects, configuration, kind=kind)


def _configured_places(world: World, projects: tuple[str, ...], configuration: Configuration) -> Iterator[Place]:
    for index in configuration.indexes:
        address = index or built_in_index()
        if address is not None:
            yield _place(_absolute(address, world), projects, configuration, kind="simple", configured=True)
    for address in configuration.find_links:
        yield _place(_absolute(address, world), projects, configuration, kind="find-links", configured=True)


def _table_places(tables: Tables, projects: tuple[str, ...], configuration: Configuration) -> Iterator[Place]:
    for source in tables.sources:
        serves = {canonicalize_name(name) for name in source.serves}
        asked = tuple(project for project in projects if project in serves)
        if source.ask and asked and source.kind != "files":
            yield _place(source.url, asked, configuration, kind=source.kind, name=source.name)


def _place(  # noqa: PLR0913 (the properties of a place)
    address: str,
    projects: tuple[str, ...],
    configuration: Configuration,
    *,
    kind: PlaceKind,
    name: str | None = None,
    configured: bool = False,
) -> Place:
    return Place(
        name=name or without_credentials(address),
        address=address,
        kind=kind,
        projects=projects,
        configured=configured,
        access=access_to(address, configuration),
    )


def _absolute(address: str, world: World) -> str:
    return str(local_path(address, world.directory)) if is_local(address) else address
