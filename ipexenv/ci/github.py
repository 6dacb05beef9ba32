"""What the runner of GitHub Actions understands: commands in the log, lines in its files. Pure.

Source: GitHub's page "Workflow commands for GitHub Actions"; the escapes are those of actions/toolkit's ``command.ts``.
"""

from __future__ import annotations

import hashlib
import re
from typing import Literal

from ipexenv.errors import UsageError

Level = Literal["notice", "warning", "error"]

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


def annotation(level: Level, text: str, *, title: str) -> str:
    """Return the line that shows ``text`` beside the run."""
    return f"::{level} title={_property(title)}::{_data(text)}\n"


def group(title: str) -> str:
    """Return the line that begins a part of the log which is folded away; ``END_GROUP`` ends it."""
    return f"::group::{_data(title)}\n"


END_GROUP = "::endgroup::\n"


def mask(secret: str) -> str:
    """Return the line after which the runner shows ``***`` for ``secret``."""
    return f"::add-mask::{_data(secret)}\n"


def quoted(text: str, *, token: str) -> str:
    """Return ``text`` of somebody else, in which no line is a command; ``token`` is nothing that it could know."""
    ending = "" if text.endswith("\n") or not text else "\n"
    return f"::stop-commands::{token}\n{text}{ending}::{token}::\n"


def entry(name: str, value: str) -> str:
    """Return the lines for GITHUB_OUTPUT or GITHUB_ENV; no value can end its own entry and begin another."""
    if not _NAME.fullmatch(name):
        raise UsageError(f"{name!r} is no name of an output or a variable", code="bad-output")
    mark = "ipexenv_" + hashlib.sha256(value.encode("utf-8", "surrogateescape")).hexdigest()
    return f"{name}<<{mark}\n{value}\n{mark}\n"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
