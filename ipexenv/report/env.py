"""An environment as lines that a shell, a file reader or a CI system takes, whatever the values hold."""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from ipexenv.launch.setting import Setting
    from ipexenv.launch.shell_environment import Changes

Format = Literal["sh", "bash", "zsh", "fish", "dotenv", "json", "github"]

_PLAIN = re.compile(r"[A-Za-z0-9_./:,@%+-]+")
"""Needs no quotes anywhere; not so ``=``, with which zsh begins the name of a program to look up."""
_PLAIN_IN_A_FILE = re.compile(r"[A-Za-z0-9_./:,@%+=-]*")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def environment_text(changes: Changes, form: Format) -> str:
    """Return the changes in one spelling.

    ``sh``, ``bash``, ``zsh`` and ``fish`` are for ``eval``; ``dotenv`` for python-dotenv and Compose, and for
    ``docker --env-file`` where no value needs quotes; ``github`` to be appended to the file ``$GITHUB_ENV``.
    """
    return _WRITERS[form](changes)


def unwritable(changes: Changes, form: Format) -> str | None:
    """Return the first variable that cannot be written so that it is read back as it is; None where all can.

    Bytes that are no UTF-8 come as lone surrogates. GitHub's runner takes a carriage return for the end of a line, and
    python-dotenv replaces ``${...}`` even between single quotes.
    """
    bad = re.compile("[\ud800-\udfff]" + {"github": "|\r", "dotenv": r"|\$\{"}.get(form, ""))
    return next((name for name, value in changes.set if bad.search(value)), None)


def usual_shell(env: Mapping[str, str]) -> Format:
    """Return the spelling for the user's shell; all but fish read ``sh``."""
    return "fish" if env.get("SHELL", "").rpartition("/")[2] == "fish" else "sh"


def explained_text(settings: Iterable[Setting], notes: Sequence[str]) -> str:
    """Return each variable with its reason, then the notes."""
    lines = []
    for setting in settings:
        mine = "yours; " if setting.by_user else ""
        lines += [f"{setting.name}={_one_line(setting.value)}", f"    {mine}{_one_line(setting.reason)}"]
    return "".join(f"{line}\n" for line in (*lines, *(f"note: {_one_line(note)}" for note in notes)))


def _one_line(text: str) -> str:
    return _CONTROL.sub(lambda match: repr(match[0])[1:-1], text)


def _sh(changes: Changes) -> str:
    removed = "".join(f"unset {name}\n" for name in changes.unset)
    return removed + "".join(f"export {name}={_single_quoted(value)}\n" for name, value in changes.set)


def _single_quoted(value: str) -> str:
    return value if _PLAIN.fullmatch(value) else "'" + value.replace("'", "'\\''") + "'"


def _fish(changes: Changes) -> str:
    removed = "".join(f"set -e {name}\n" for name in changes.unset)
    return removed + "".join(f"set -gx {name} {_escaped(value)}\n" for name, value in changes.set)


def _escaped(value: str) -> str:
    """Quote as fish and python-dotenv read it: in single quotes a backslash escapes itself and the quote."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _dotenv(changes: Changes) -> str:
    return "".join(
        f"{name}={value if _PLAIN_IN_A_FILE.fullmatch(value) else _escaped(value)}\n" for name, value in _kept(changes)
    )


def _json(changes: Changes) -> str:
    return json.dumps(dict(_kept(changes)), indent=2) + "\n"


def _github(changes: Changes) -> str:
    """Write as GitHub's runner reads it; there is no way to take a variable away, an empty one is the nearest."""
    pairs = (*((name, "") for name in changes.unset), *changes.set)
    return "".join(_github_entry(name, value) for name, value in pairs)


def _github_entry(name: str, value: str) -> str:
    if not re.search(r"[\r\n]", value):
        return f"{name}={value}\n"
    # No value can hold its own hash, so none can end its entry early and begin one of its own.
    mark = "ipexenv_" + hashlib.sha256(value.encode("utf-8", "surrogateescape")).hexdigest()
    return f"{name}<<{mark}\n{value}\n{mark}\n"


def _kept(changes: Changes) -> tuple[tuple[str, str], ...]:
    """Leave out ipexenv's own record: a file is written anew, not changed."""
    return tuple((name, value) for name, value in changes.set if name != "IPEXENV_APPLIED")


_WRITERS: dict[str, Callable[[Changes], str]] = {
    "sh": _sh,
    "bash": _sh,
    "zsh": _sh,
    "fish": _fish,
    "dotenv": _dotenv,
    "json": _json,
    "github": _github,
}
FORMATS = tuple(_WRITERS)
