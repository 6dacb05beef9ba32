"""Text of others in Markdown, where it stays text. Pure.

Rules: GitHub Flavored Markdown (tables, autolinks, ``$`` for formulas, ``:name:`` for pictures), which GitHub and
Buildkite render.
"""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

from ipexenv.ci.plain import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_MARK = re.compile(r"(?P<punctuation>[|\\`*_\[\]!#~])|:(?=//)|:(?=[\w+-]+:)|@|\$|(?<=www)\.")
"""What is not punctuation makes links, mentions, pictures and formulas all the same, and can only be an entity."""
_CODE = re.compile(r"`([^`]+)`")


def plain_cell(value: object) -> str:
    """Return a text that is nothing but text: no column, no line, no tag, no link of its own."""
    return _MARK.sub(_disarmed, html.escape(one_line(str(value)), quote=False))


def prose(value: object) -> str:
    """Return a sentence of ipexenv's own, in which what stands between backticks is shown as code."""
    parts = _CODE.split(one_line(str(value)))
    return "".join(f"<code>{plain_cell(part)}</code>" if at % 2 else _kept(part) for at, part in enumerate(parts))


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a table, whose cells are Markdown, and an empty one; nothing where there are no rows."""
    lines = [f"| {' | '.join(row)} |" for row in rows]
    if lines:
        yield f"| {' | '.join(heads)} |"
        yield f"|{' --- |' * len(heads)}"
        yield from lines
        yield ""


def folded(title: str, lines: Iterable[str]) -> Iterator[str]:
    """Yield the lines folded away under a title; nothing where there are none."""
    found = list(lines)
    if found:
        yield f"<details><summary>{html.escape(title)}</summary>"
        yield ""
        yield from found
        yield "</details>"
        yield ""


def _disarmed(match: re.Match[str]) -> str:
    return f"\\{match[0]}" if match["punctuation"] else f"&#{ord(match[0])};"


def _kept(part: str) -> str:
    """Keep the blanks at the ends, which ``one_line`` takes away."""
    return (
        part[: len(part) - len(part.lstrip())] + plain_cell(part) + part[len(part.rstrip()) :] if part.strip() else part
    )
