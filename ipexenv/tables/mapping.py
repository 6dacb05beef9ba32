"""The way back from typed rows to plain data, for JSON."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from ipexenv.facts import IsaLevel
from ipexenv.tables.bridge import BridgePart, BridgeRelease
from ipexenv.tables.releases import Provenance

_KEYS: dict[type, dict[str, str]] = {
    BridgeRelease: {"oneccl": "version", "parts": "part"},
    BridgePart: {"files": "file"},
}
"""Keys in the TOML files that are not called like the fields."""


def row_as_mapping(row: Any) -> dict[str, Any]:  # noqa: ANN401 (a row of any table)
    """Return one row as plain data, every key of it, which the ``from_mapping`` of its class reads back.

    ``source``, ``confidence``, ``notes`` and ``tested`` stand beside the other keys, as in the TOML file.
    """
    if not is_dataclass(row) or isinstance(row, type):
        msg = f"expected a row of a table, found {row!r}"
        raise TypeError(msg)
    plain: dict[str, Any] = {}
    names = _KEYS.get(type(row), {})
    for field in fields(row):
        value = getattr(row, field.name)
        key = names.get(field.name, field.name)
        plain |= row_as_mapping(value) if isinstance(value, Provenance) else {key: _plain(value)}
    return plain


def _plain(value: Any) -> Any:  # noqa: ANN401 (any key of any row)
    if isinstance(value, IsaLevel):
        return value.label
    if isinstance(value, (Version, SpecifierSet)):
        return str(value)
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return row_as_mapping(value) if is_dataclass(value) else value
