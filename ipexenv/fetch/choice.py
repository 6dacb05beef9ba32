"""Which cache the user wants, from options that several commands share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ipexenv.fetch.cache import find_cache

if TYPE_CHECKING:
    import argparse

    from ipexenv.fetch.cache import Cache
    from ipexenv.system.world import World


def add_cache_options(parser: argparse.ArgumentParser, *, may_do_without: bool = True) -> None:
    """Declare ``--cache-dir`` and, where a command can do without a cache, ``--no-cache``."""
    group = parser.add_argument_group("cache")
    group.add_argument("--cache-dir", metavar="DIR", help="keep downloads in DIR (IPEXENV_CACHE_DIR)")
    if may_do_without:
        group.add_argument("--no-cache", action="store_true", help="keep no downloads and take none from the cache")


def cache_from(options: argparse.Namespace, world: World) -> Cache | None:
    """Return the cache that ``options`` ask for; None where they ask for none."""
    if getattr(options, "no_cache", False):
        return None
    return find_cache(world.env, world.directory, named=options.cache_dir)
