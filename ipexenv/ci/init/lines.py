"""Parts of YAML documents that are written as text, so that they keep comments and an order for readers. Pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ipexenv.errors import IpexenvError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def scalar(value: str) -> str:
    """Return a string in quotes; all that comes here is of printable ASCII, where JSON and YAML are the same."""
    if not (value.isascii() and value.isprintable()):
        raise IpexenvError(f"{value!r} was to stand in a workflow", code="bad-scalar")
    return json.dumps(value)


def block(lines: Iterable[str], *, indent: int) -> Iterator[str]:
    """Yield lines of a script that stand behind ``|``."""
    return (f"{' ' * indent}{line}" for line in lines)


def mapping(values: dict[str, str], *, indent: int) -> Iterator[str]:
    """Yield keys with their strings."""
    return (f"{' ' * indent}{name}: {scalar(value)}" for name, value in values.items())
