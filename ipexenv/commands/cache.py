"""Say what the cache of downloads holds, or empty it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from ipexenv.answer import Answer
from ipexenv.fetch.cache import find_cache
from ipexenv.fetch.choice import add_cache_options
from ipexenv.report.cache import cache_data, show_cleared, show_contents

if TYPE_CHECKING:
    import argparse

    from ipexenv.events import Listener
    from ipexenv.system.world import World

_ACTIONS = ("info", "clear")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare what is to be done, and where the cache is."""
    parser.add_argument("action", choices=_ACTIONS, help="say what it holds (info), or remove all of it (clear)")
    add_cache_options(parser, may_do_without=False)


def run(options: argparse.Namespace, world: World, listen: Listener) -> Answer:  # noqa: ARG001 (the protocol of commands)
    """Look or clear. What another process is downloading is left alone. Raises OutsideError."""
    cache = find_cache(world.env, world.directory, named=options.cache_dir)
    if options.action == "info":
        contents = cache.contents()
        return Answer(data=cache_data(contents), show=partial(show_contents, contents=contents))
    removed = cache.clear()
    return Answer(
        data=cache_data(cache.contents()) | {"removed": cache_data(removed)},
        show=partial(show_cleared, removed=removed),
    )
