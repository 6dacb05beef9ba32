"""Asking a store whether it has a key, without waiting for it."""

from __future__ import annotations

from typing import Any

NEVER = "-never-"
"""A value that no key has."""


def has(store: Any, key: str) -> bool:
    """Say whether the store has the key. Where torch has no ``check`` (before 2.4), a comparison that fails tells."""
    if hasattr(store, "check"):
        return bool(store.check([key]))
    found = store.compare_set(key, NEVER, NEVER)
    return (found if isinstance(found, str) else found.decode(errors="replace")) != NEVER
