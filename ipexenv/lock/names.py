"""How lock files are called (PEP 751)."""

from __future__ import annotations

import re

LOCK_NAME = "pylock.toml"
"""What a lock is called unless the user says otherwise."""

_NAMED = re.compile(r"pylock\.[^.]+\.toml")


def is_lock_name(name: str) -> bool:
    """Say whether installers take a file of this name for a lock."""
    return name == LOCK_NAME or _NAMED.fullmatch(name) is not None
