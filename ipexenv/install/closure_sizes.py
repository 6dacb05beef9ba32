"""Sizes of files that an engine names without: one byte of each is asked for, and the server tells how many it has."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from ipexenv.install.addresses import is_web
from ipexenv.install.parallel import in_parallel
from ipexenv.system.http import Access, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ipexenv.install.configuration import Configuration
    from ipexenv.ruling import Offer
    from ipexenv.system.http import Http
    from ipexenv.system.world import World

_LIMIT_S = 6.0


def with_sizes(files: Sequence[Offer], configuration: Configuration, world: World) -> tuple[Offer, ...]:
    """Return the files with the sizes that their servers tell; a file whose server does not keeps None."""
    unknown = [file for file in files if file.size_bytes is None and is_web(file.url)]
    jobs = [partial(_size, file.url, configuration, world.http) for file in unknown]
    sizes = {file.url: size for file, size in zip(unknown, in_parallel(jobs, limit_s=_LIMIT_S + 1), strict=True)}
    return tuple(replace(file, size_bytes=sizes.get(file.url, file.size_bytes)) for file in files)


def _size(url: str, configuration: Configuration, http: Http) -> int | None:
    access = Access(
        verify=False if configuration.trusts(url) else (configuration.cert or True),
        client_cert=configuration.client_cert,
        proxy=configuration.proxy,
    )
    try:
        return http.get_range(url, start=0, size_bytes=1, limit_s=_LIMIT_S, access=access).whole_bytes
    except UnreachableError:  # NoRangesError is one of them
        return None
