"""Sites where nothing answers but what the user names: dependencies then come from there as well."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ipexenv.install.addresses import is_local, is_web, local_path, without_credentials
from ipexenv.install.places import built_in_index

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from ipexenv.install.configuration import Configuration
    from ipexenv.ruling import SourceReport

_INDEX = "/simple"
"""How the address of an index ends, and of a page of links does not."""


def nobody_else(configuration: Configuration, reports: Iterable[SourceReport]) -> bool:
    """Say whether every index and page that the engine is configured for was asked, and none answered."""
    places = (*(index or built_in_index() for index in configuration.indexes), *configuration.find_links)
    named = {without_credentials(place) for place in places if place is not None and is_web(place)}
    silent = {report.name for report in reports if report.state == "failed"}
    return bool(named) and named <= silent and not any(place and is_local(place) for place in places)


def with_users_alone(
    configuration: Configuration, sources: Sequence[str], directory: Path
) -> tuple[Configuration, tuple[str, ...]]:
    """Return the configuration without what is silent, and lines for a file of requirements that name the sources.

    In a file, and not as options: an address may hold credentials, and command lines are public.
    """
    index = next((source for source in sources if is_web(source) and source.rstrip("/").endswith(_INDEX)), None)
    links = [source for source in sources if source != index]
    places = [source if is_web(source) else str(local_path(source, directory)) for source in links]
    found = [f"--index-url {index}" if index else "--no-index", *(f"--find-links {place}" for place in places)]
    left = replace(configuration, index=index, extra_indexes=(), find_links=(), no_index=index is None)
    return left, tuple(found)
