"""The name of a cached environment: everything that decides what is in it. Pure.

No time is part of it: the same inputs, tables and machine have the same key on every run. Under one key there may be
several entries, since systems let none be replaced; ``entry_name`` tells them apart and carries the manifest's digest.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass

KEY_FORMAT = "ipexenv-1"
"""Goes up whenever an environment made by an older ipexenv would not do any more."""

_DIGEST_LETTERS = 64
_NOT_A_NAME = re.compile(r"[^A-Za-z0-9._]")


@dataclass(frozen=True, kw_only=True, slots=True)
class Identity:
    """What makes an environment the one that is asked for."""

    decision: tuple[str, ...]
    """SHA-256 of the lock, or the pins that the tables choose, as ``torch 2.8.0``."""
    options: tuple[tuple[str, str], ...]
    """Name and value of every option of ``install`` that bears on the result, wherever it was set."""
    python: str
    """Implementation, full version and real path of the interpreter: an environment is bound to it."""
    libc: str
    isa: str
    """Instruction-set level, as ``amx``."""
    tool: str
    """Version of ipexenv."""
    tables: str
    """Digest of its tables."""
    venv: str
    """Absolute path: programs of an environment hold it in their first line."""


def cache_key(identity: Identity) -> str:
    """Return the key, as ``ipexenv-1-`` and 64 hexadecimal digits."""
    text = json.dumps(asdict(identity), sort_keys=True)
    return f"{KEY_FORMAT}-{hashlib.sha256(text.encode('utf-8', 'surrogateescape')).hexdigest()}"


def entry_name(key: str, digest: str, *run: str) -> str:
    """Return the name to store an environment under; ``digest`` is its manifest's, ``run`` what no other run has."""
    return "-".join([key, digest, *(_NOT_A_NAME.sub("_", word) for word in run if word)])


def digest_in(name: str, key: str) -> str | None:
    """Return the manifest's digest in the name of an entry of this key, None where it is no such name."""
    head = f"{key}-"
    digest = name[len(head) : len(head) + _DIGEST_LETTERS]
    if not name.startswith(head) or not re.fullmatch(r"[0-9a-f]{64}", digest):
        return None
    return digest if name[len(head) + _DIGEST_LETTERS :][:1] in {"", "-"} else None
