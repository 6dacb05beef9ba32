"""Read a ``pylock.toml`` that ``ipexenv lock`` wrote. Whatever the text holds, the one error raised is UsageError."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, get_args

from packaging.pylock import Pylock, PylockValidationError

from ipexenv import toml
from ipexenv.errors import UsageError
from ipexenv.lock.model import Lock
from ipexenv.lock.reading_targets import read_target
from ipexenv.lock.reading_wheels import MAX_NAME, read_wheels
from ipexenv.lock.writing import FORMAT
from ipexenv.reading import MalformedError, Reader
from ipexenv.ruling import Stack

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import PurePosixPath

_MAX_CHARACTERS = 1 << 24
_MAKER = re.compile(r"ipexenv \d[\w.+!]{0,63}", re.ASCII)
_AGAIN = "write it anew with `ipexenv lock`"


def read_lock(text: str, *, where: str, folder: PurePosixPath) -> Lock:
    """Return the lock in ``text``, the content of a file called ``where`` (for messages) in ``folder`` (absolute).

    Raises UsageError: ``bad-lock`` for what is no lock or contradicts itself, ``foreign-lock`` for one that another
    tool made, ``unknown-lock-format`` for one of a newer ipexenv. Every file that it returns has a SHA-256.
    """
    if len(text) > _MAX_CHARACTERS:
        raise _bad(where, "it is larger than any lock")
    try:
        document = toml.loads(text)
        _refuse_long_names(document)
        pylock = Pylock.from_dict(document)
        tool = _own_table(pylock, where)
        return _lock(Reader(tool, where="[tool.ipexenv]"), pylock, folder)
    except (MalformedError, PylockValidationError, ValueError, RecursionError) as error:
        words = str(error).splitlines()
        raise _bad(where, words[0][:300] if words else "it is nested too deeply") from None


def _own_table(pylock: Pylock, where: str) -> Mapping[str, Any]:
    tool = (pylock.tool or {}).get("ipexenv")
    if tool is None:
        raise UsageError(
            f"{where} was not made by `ipexenv lock`",
            code="foreign-lock",
            causes=(f"it has no [tool.ipexenv], and names {pylock.created_by[:60]!r} as its maker",),
            hint=f"install it with the tool that made it, or {_AGAIN}",
        )
    if isinstance(tool, dict) and tool.get("format") != FORMAT:
        raise UsageError(
            f"{where} has a format that this ipexenv does not know",
            code="unknown-lock-format",
            causes=(f"[tool.ipexenv] format is {str(tool.get('format'))[:40]}, and this ipexenv knows {FORMAT}",),
            hint=f"take the ipexenv that wrote it, or {_AGAIN}",
        )
    if not isinstance(tool, dict):
        raise MalformedError("[tool.ipexenv] is not a table")
    return tool


def _refuse_long_names(document: Mapping[str, Any]) -> None:
    """Refuse before anything multiplies out the tags of a file name."""
    for key in ("name", "path", "url"):
        for wheel in _wheel_rows(document):
            name = wheel.get(key)
            if isinstance(name, str) and len(re.split(r"[/\\]", name)[-1]) > MAX_NAME:
                msg = f"a wheel has a {key} of {len(name)} characters"
                raise MalformedError(msg)


def _wheel_rows(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    packages = document.get("packages")
    found: list[Mapping[str, Any]] = []
    for package in packages if isinstance(packages, list) else []:
        wheels = package.get("wheels") if isinstance(package, dict) else None
        found += [wheel for wheel in wheels if isinstance(wheel, dict)] if isinstance(wheels, list) else []
    return found


def _lock(reader: Reader, pylock: Pylock, folder: PurePosixPath) -> Lock:
    reader.integer("format")
    if not _MAKER.fullmatch(pylock.created_by):
        raise reader.wrong("created-by", pylock.created_by[:80], "ipexenv and its version")
    wheels = read_wheels(pylock, folder)
    lock = Lock(
        created_by=pylock.created_by,
        stack=reader.choice("stack", get_args(Stack)),  # type: ignore[arg-type]  # choice() checked it
        tables=reader.text("tables"),
        targets=tuple(
            read_target(Reader(row, where=f"[[tool.ipexenv.targets]] number {number}"), wheels, folder)
            for number, row in enumerate(reader.rows("targets"), start=1)
        ),
    )
    reader.finish()
    platforms = [target.platform for target in lock.targets]
    if not platforms or len(set(platforms)) != len(platforms):
        raise reader.wrong("targets", len(platforms), "at least one target, and no two of one kind")
    return lock


def _bad(where: str, cause: str) -> UsageError:
    return UsageError(f"{where} cannot be used as a lock", code="bad-lock", causes=(cause,), hint=_AGAIN)
