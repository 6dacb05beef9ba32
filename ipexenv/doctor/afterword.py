"""What stands under the failure of a command: the known cause of what its programs printed, and the cure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ipexenv.answer import Problem
from ipexenv.doctor.log import keep_last
from ipexenv.doctor.ranking import filled, rank
from ipexenv.doctor.scanning import scan
from ipexenv.doctor.words import cure_words
from ipexenv.errors import TableError
from ipexenv.probe.choice import target_words
from ipexenv.tables.load_failures import load_failures

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping, Sequence

    from ipexenv.doctor.ranking import Cause
    from ipexenv.system.world import World

_PRINTED = frozenset({"output", "detail", "printed", "log", "last_lines"})
"""Keys of JSON data that hold what programs printed."""


def afterword(
    texts: Sequence[str], data: Mapping[str, Any], options: argparse.Namespace | None, world: World
) -> Problem | None:
    """Return the known cause of a failure that ``texts`` and what programs printed tell, None where there is none.

    Keeps all of it for ``explain --last``. Never raises: a failure is told with or without its cause.
    """
    told = "\n".join([*texts, *_printed(data)])
    keep_last(world, f"{told}\n")
    tables = getattr(options, "tables", None)
    try:
        failures = load_failures(None if tables is None else world.directory / tables)
    except TableError:
        return None
    causes = rank(scan([f"{told}\n".encode()], failures))
    cause = next((cause for cause in causes if _is_worth_telling(cause)), None)
    if cause is None:
        return None
    target = "" if options is None or not hasattr(options, "venv") else target_words(options)
    words = {**cure_words(None, target), **dict(cause.groups)}
    return Problem(
        code=cause.failure.id,
        message=filled(cause.failure.cause, words),
        hint=filled(cause.failure.cure, words),
    )


def _is_worth_telling(cause: Cause) -> bool:
    return cause.failure.severity in {"fatal", "degraded"} and not cause.failure.generic


def _printed(value: object, *, inside: bool = False) -> Iterator[str]:
    if isinstance(value, str):
        if inside:
            yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _printed(item, inside=inside or key in _PRINTED)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _printed(item, inside=inside)
