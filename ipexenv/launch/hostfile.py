"""Hostfiles, in the spelling of Intel MPI (``host``, ``host:n``) and of Open MPI (``host slots=n``). Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ipexenv.errors import UsageError

MOST_SLOTS = 4096

_NAME = re.compile(r"(?:[\w.-]+@)?[A-Za-z0-9_][A-Za-z0-9_.-]*")
_V6 = re.compile(r"[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.%\w]*")
_SLOTS = ("slots", "max_slots", "max-slots")


@dataclass(frozen=True, kw_only=True, slots=True)
class HostEntry:
    """One host of a hostfile."""

    name: str
    """A name or an address, perhaps with a user before ``@``; never the beginning of an option."""
    slots: int | None = None
    """Ranks that it takes; None where the file does not say."""


def parse_hostfile(text: str, *, where: str) -> tuple[HostEntry, ...]:
    """Return the hosts in order; a host that is named again gets the slots of both lines.

    Comments (``#``) and blank lines are passed over. Raises UsageError that names ``where``, the line and the cause.
    """
    found: dict[str, HostEntry] = {}
    for number, line in enumerate(text.splitlines(), 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        entry = _entry(words, where=f"{where}, line {number}")
        known = found.get(entry.name)
        found[entry.name] = entry if known is None else _sum(known, entry)
    if not found:
        raise _unusable(f"{where} names no host")
    return tuple(found.values())


def _sum(one: HostEntry, other: HostEntry) -> HostEntry:
    return HostEntry(name=one.name, slots=(one.slots or 1) + (other.slots or 1))


def _entry(words: list[str], *, where: str) -> HostEntry:
    name, slots = _name_and_count(words[0], where=where)
    for word in words[1:]:
        key, equals, value = word.partition("=")
        if not equals or key.lower() not in _SLOTS:
            raise _unusable(f"{where}: {word!r} is not understood, expected `slots=N`")
        count = _count(value, where=where)
        slots = min(slots or count, count) if key.lower() != "slots" else count
    return HostEntry(name=name, slots=slots)


def _name_and_count(word: str, *, where: str) -> tuple[str, int | None]:
    if word.startswith("["):  # an IPv6 address, so that its colons are not taken for the count's
        inside, closed, rest = word[1:].partition("]")
        if not closed or not _V6.fullmatch(inside) or (rest and not rest.startswith(":")):
            raise _unusable(f"{where}: {word!r} is not an address in brackets")
        return inside, _count(rest[1:], where=where) if rest else None
    if _V6.fullmatch(word):
        return word, None
    name, colon, count = word.partition(":")
    if not _NAME.fullmatch(name):
        raise _unusable(f"{where}: {name!r} is not the name of a host")
    return name, _count(count, where=where) if colon else None


def _count(text: str, *, where: str) -> int:
    # Not isdigit alone: it takes other scripts' digits too.
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= MOST_SLOTS and len(text) < 9):  # noqa: PLR2004 (digits enough for any count)
        raise _unusable(f"{where}: {text!r} is not a number of ranks from 1 to {MOST_SLOTS}")
    return int(text)


def _unusable(message: str) -> UsageError:
    return UsageError(
        message, code="bad-hostfile", hint="each line is `host`, `host:N` or `host slots=N`; `#` begins a comment"
    )
