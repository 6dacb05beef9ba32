"""A problem matcher for GitHub Actions: lines of later steps' logs that become annotations. Pure.

Source: actions/runner, ``IssueMatcher.cs``: a line is matched alone, by .NET's regular expressions with the option
ECMAScript, and the first matcher that fits makes the annotation; every matcher has an owner of its own, and a group for
the message.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from ipexenv.tables.failures import Circumstances

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ipexenv.tables.failures import Failure

_CODE = "[a-z][a-z0-9]*(?:-[a-z0-9]+)*"
_OWN = {"error": f"^error: (.+) \\[({_CODE})\\]$", "warning": f"^warning: (.+) \\[({_CODE})\\]$"}
"""The first line of what ``ipexenv.report`` writes of errors, and of warnings that have a code."""

_PIECE = re.compile(
    r"""
      (?P<flags>^\(\?m\))                                # lines come one by one
    | (?P<group>\((?:\?:|\?P<\w+>|(?!\?)))               # what it caught is of no use here
    | (?P<escape>\\(?:[dDwWsSb]|[^\w\s]))
    | (?P<set>\[\^?(?:\\[dDwWsS]|\\[^\w\s]|[^\]\\\[])+\])
    | (?P<quantifier>(?:[*+?]|\{\d+(?:,\d*)?\})\??(?![*+?{]))
    | (?P<plain>[^\\()\[\]{}*+?\n\r]|\))
    """,
    re.VERBOSE,
)

_NEEDLESS = re.compile(r"\\([^\w\s^$\\.*+?()\[\]{}|/-])")
"""An escape of what means only itself: JavaScript's newer expressions refuse it."""


def matcher_json(failures: Sequence[Failure]) -> str:
    """Return the matcher's file: ipexenv's own errors and warnings, then what shows a fatal failure.

    Left out are failures that only say that something went wrong, those that are none under some versions or hosts,
    and patterns that say something else, or nothing, to JavaScript.
    """
    own = [
        {"owner": f"ipexenv-{level}", "severity": level, "pattern": [{"regexp": regexp, "message": 1, "code": 2}]}
        for level, regexp in _OWN.items()
    ]
    known = [
        {"owner": owner, "severity": "error", "pattern": [{"regexp": regexp, "message": 1}]}
        for failure in failures
        for owner, regexp in _regexps(failure)
    ]
    return json.dumps({"problemMatcher": [*own, *known]}, indent=1) + "\n"


def portable(pattern: str) -> str | None:
    """Return a pattern of RE2 in what RE2, .NET and JavaScript read alike; None where it needs more than that.

    Groups catch nothing, and it is meant for one line: ``^`` and ``$`` are its ends.
    """
    found, at = "", 0
    while at < len(pattern):
        piece = _PIECE.match(pattern, at)
        if piece is None:
            return None
        at = piece.end()
        text = {"flags": "", "group": "(?:"}.get(piece.lastgroup or "")
        found += _NEEDLESS.sub(r"\1", piece[0]) if text is None else text
    return found


def _regexps(failure: Failure) -> Iterator[tuple[str, str]]:
    """Yield owner and expression of each pattern; nothing stands before it, so that its first word is quickly found."""
    if failure.severity != "fatal" or failure.generic or failure.when != Circumstances():
        return
    for number, pattern in enumerate(failure.patterns, start=1):
        translated = portable(pattern)
        if translated is not None:
            yield f"ipexenv-{failure.id}-{number}", f"((?:{translated}).*)"
