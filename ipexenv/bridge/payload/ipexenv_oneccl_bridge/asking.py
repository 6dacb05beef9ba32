"""Leaving words in a store, and asking whether they are there without waiting for them.

torch has ``check`` for that from 2.4 on. Before, the only question that does not wait is to add 0 to a number, so that
every word is counted there when it is left. (``compare_set`` would do, were it not for torch 2.2, which makes the
answer without holding Python's lock and now and then dies of it.)
"""

from __future__ import annotations

from typing import Any


def put(store: Any, key: str, value: Any) -> None:
    """Leave a word."""
    store.set(key, value)
    mark(store, key)


def mark(store: Any, key: str) -> None:
    """Note that a key is there, for ``has``."""
    if not hasattr(store, "check"):
        store.add(_count_of(key), 1)


def has(store: Any, key: str) -> bool:
    """Say whether a word was left."""
    if hasattr(store, "check"):
        return bool(store.check([key]))
    return int(store.add(_count_of(key), 0)) > 0


def _count_of(key: str) -> str:
    return f"{key}/count"
