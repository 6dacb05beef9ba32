"""Text of others made harmless, and names and values that every CI system can carry. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ipexenv.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LINE_END = re.compile(r"\r\n|[\r\n]")
_TERMINAL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)")
"""Colours, cursor movements and titles (ECMA-48, sections 5.4 and 8.3.89)."""
_UNSEEN = re.compile(
    "[\x00-\x08\x0a-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e0fff\ud800-\udfff]"
)
"""Controls, and what no reader sees: a comparison that goes by language may pass over it, as .NET's does."""


def plain_lines(text: str) -> tuple[str, ...]:
    r"""Return the lines of ``text`` without colours; every other control character is spelt out, as ``\x1b``."""
    return tuple(_UNSEEN.sub(_spelt, line) for line in _LINE_END.split(_TERMINAL.sub("", text)))


def one_line(text: str) -> str:
    """Return ``text`` as one plain line."""
    return " ".join(line.strip() for line in plain_lines(text) if line.strip())


def variable_name(output: str) -> str:
    """Return the variable for an output, as IPEXENV_SETUP_CCL_PROVIDER for ``ccl-provider``.

    IPEXENV_VENV, IPEXENV_TORCH and the like are taken: they set options of every ipexenv that runs later.
    """
    return "IPEXENV_SETUP_" + output.upper().replace("-", "_")


def as_variables(outputs: Mapping[str, str], variables: Mapping[str, str]) -> dict[str, str]:
    """Return outputs and variables together, where a system knows variables alone.

    Raises UsageError where a name or a value cannot be that of a variable.
    """
    return checked({**{variable_name(name): value for name, value in outputs.items()}, **variables})


def checked(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the variables; raise UsageError that names one which no program can be given."""
    for name, value in variables.items():
        if not _VARIABLE.fullmatch(name):
            raise UsageError(f"{name!r} is no name of an output or a variable", code="bad-output")
        check_value(name, value)
    return dict(variables)


def check_value(name: str, value: str) -> None:
    """Raise UsageError where a value holds NUL or bytes that are no UTF-8 (they come as lone surrogates)."""
    if re.search("[\x00\ud800-\udfff]", value):
        raise UsageError(f"the value of {name} cannot be {value!r}: it is no text", code="bad-output")


def checked_path(entries: Iterable[str]) -> tuple[str, ...]:
    """Return folders for PATH; raise UsageError for one that would be two, or a relative one."""
    found = tuple(entries)
    for entry in found:
        if not entry.startswith("/") or re.search("[:\x00-\x1f\x7f\ud800-\udfff]", entry):
            raise UsageError(
                f"{entry!r} cannot stand on PATH",
                code="bad-output",
                hint="make the environment in a folder whose name has neither colons nor control characters",
            )
    return found


def _spelt(match: re.Match[str]) -> str:
    return repr(match[0])[1:-1] if not match[0].isprintable() else f"\\u{ord(match[0]):04x}"
