"""Typed reading of mappings that come from outside (TOML rows, JSON files), naming the bad key."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

from packaging.version import Version

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from packaging.specifiers import SpecifierSet

_T = TypeVar("_T")

_WORDS: dict[type, str] = {
    str: "a string",
    bool: "true or false",
    int: "an integer",
    float: "a number",
    list: "a list",
    dict: "a table",
}

_version = lru_cache(maxsize=1024)(Version)  # the tables name the same few hundred times


class MalformedError(ValueError):
    """A value from outside has the wrong type or form; the text names where, the key and the value."""


class Reader:
    """Take typed values out of one mapping and complain about what is missing, wrong or left over."""

    def __init__(self, row: Mapping[str, Any], *, where: str) -> None:
        """Read ``row``; ``where`` names it in messages, as ``ipex.toml [[ipex]] 2.8.0``."""
        if not isinstance(row, dict):
            msg = f"{where}: expected a table, found {row!r}"
            raise MalformedError(msg)
        self.row = row
        self.where = where
        self._seen: set[str] = set()

    def text(self, key: str, default: str | None = None) -> str:
        """Return the string at ``key``, or ``default`` where it is given and the key is absent."""
        return self._take(key, str, default)

    def maybe_text(self, key: str) -> str | None:
        """Return the string at ``key``, or None where it is absent or null."""
        return self._maybe(key, str)

    def flag(self, key: str, *, default: bool | None = None) -> bool:
        """Return the boolean at ``key``."""
        return self._take(key, bool, default)

    def maybe_flag(self, key: str) -> bool | None:
        """Return the boolean at ``key``, or None where it is absent or null."""
        return self._maybe(key, bool)

    def integer(self, key: str, default: int | None = None) -> int:
        """Return the integer at ``key``."""
        return self._take(key, int, default)

    def maybe_integer(self, key: str) -> int | None:
        """Return the integer at ``key``, or None where it is absent or null."""
        return self._maybe(key, int)

    def maybe_number(self, key: str) -> float | None:
        """Return the number at ``key`` as float, or None where it is absent or null."""
        if isinstance(self.row.get(key), int):
            try:
                return float(self.integer(key))
            except OverflowError:
                raise self.wrong(key, self.row[key], "a number that a float can hold") from None
        return self._maybe(key, float)

    def texts(self, key: str, default: Sequence[str] | None = None) -> tuple[str, ...]:
        """Return the list of strings at ``key``."""
        values = self._take(key, list, None if default is None else list(default))
        for value in values:
            if not isinstance(value, str):
                raise self.wrong(key, value, "a list of strings")
        return tuple(values)

    def maybe_texts(self, key: str) -> tuple[str, ...] | None:
        """Return the list of strings at ``key``, or None where it is absent or null."""
        return None if self._maybe(key, list) is None else self.texts(key)

    def integers(self, key: str, default: Sequence[int] | None = None) -> tuple[int, ...]:
        """Return the list of integers at ``key``."""
        values = self._take(key, list, None if default is None else list(default))
        for value in values:
            if not isinstance(value, int) or isinstance(value, bool):
                raise self.wrong(key, value, "a list of integers")
        return tuple(values)

    def choice(self, key: str, allowed: Sequence[str], default: str | None = None) -> str:
        """Return the string at ``key``, one of ``allowed``."""
        value = self.text(key, default)
        if value not in allowed:
            raise self.wrong(key, value, f"one of {', '.join(allowed)}")
        return value

    def version(self, key: str) -> Version:
        """Return the version at ``key``."""
        return self._parse(key, self.text(key), _version, "a version")

    def maybe_version(self, key: str) -> Version | None:
        """Return the version at ``key``, or None where it is absent or null."""
        value = self._maybe(key, str)
        return None if value is None else self._parse(key, value, _version, "a version")

    def versions(self, key: str, default: Sequence[str] | None = None) -> tuple[Version, ...]:
        """Return the list of versions at ``key``."""
        return tuple(self._parse(key, text, _version, "a list of versions") for text in self.texts(key, default))

    def specifier(self, key: str, default: str | None = None) -> SpecifierSet:
        """Return the version range at ``key``; a bare version or ``1.12.*`` means ``==`` of it."""
        from packaging.specifiers import SpecifierSet  # noqa: PLC0415 (10 ms that the target need not wait for)

        text = self.text(key, default)
        if text and text[0].isdigit():
            text = f"=={text}"
        return self._parse(key, text, SpecifierSet, "a version range")

    def rows(self, key: str, default: Sequence[Mapping[str, Any]] | None = None) -> tuple[Mapping[str, Any], ...]:
        """Return the list of mappings at ``key``."""
        values = self._take(key, list, None if default is None else list(default))
        for value in values:
            if not isinstance(value, dict):
                raise self.wrong(key, value, "a list of tables")
        return tuple(values)

    def table(self, key: str) -> dict[str, Any]:
        """Return the mapping at ``key``."""
        return self._take(key, dict, None)

    def maybe_table(self, key: str) -> dict[str, Any] | None:
        """Return the mapping at ``key``, or None where it is absent or null."""
        return self._maybe(key, dict)

    def finish(self) -> None:
        """Complain about keys that nobody asked for: a typing error must not pass in silence."""
        left = sorted(set(self.row) - self._seen)
        if left:
            msg = f"{self.where}: unknown key {left[0]!r}"
            raise MalformedError(msg)

    def wrong(self, key: str, value: object, wanted: str) -> MalformedError:
        """Build the complaint about one value."""
        return MalformedError(f"{self.where}: {key} is {value!r}, expected {wanted}")

    def _take(self, key: str, kind: type[_T], default: _T | None) -> _T:
        value = self._maybe(key, kind)
        if value is not None:
            return value
        if default is None:
            msg = f"{self.where}: {key} is missing"
            raise MalformedError(msg)
        return default

    def _maybe(self, key: str, kind: type[_T]) -> _T | None:
        self._seen.add(key)
        value = self.row.get(key)
        if value is None:
            return None
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise self.wrong(key, value, _WORDS.get(kind, kind.__name__))
        return value

    def _parse(self, key: str, text: str, parse: Callable[[str], _T], wanted: str) -> _T:
        try:
            return parse(text)
        except ValueError:  # InvalidVersion, InvalidSpecifier, or a number too long for int()
            raise self.wrong(key, text, wanted) from None
