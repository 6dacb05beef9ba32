"""Whose value holds where the user's environment already has one. Pure."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ipexenv.launch.setting import Setting

APPLIED = "IPEXENV_APPLIED"
"""Holds, as JSON, what ``ipexenv env`` put into a shell, so that it is not taken for the user's own afterwards."""

PREFIXED = frozenset({"LD_LIBRARY_PATH", "LD_PRELOAD", "PATH"})
"""Lists to which ipexenv adds at the front; the user's entries stay behind, so nobody has to win."""


def users_own(env: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that the user set, without empty ones and without those that ``ipexenv env`` left there."""
    return {name: value for name, value in without_applied(env).items() if value}


def applied(env: Mapping[str, str]) -> dict[str, str]:
    """Return what ``ipexenv env`` says it put into this environment, of lists what it added; rubbish is nothing."""
    try:
        found = json.loads(env.get(APPLIED, ""))
    except (ValueError, RecursionError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {name: value for name, value in found.items() if isinstance(value, str)}


def without_applied(env: Mapping[str, str]) -> dict[str, str]:
    """Return the environment as it was before ``ipexenv env``; a variable that was changed since then is the user's."""
    left = {name: value for name, value in env.items() if name != APPLIED}
    for name, value in applied(env).items():
        if name in PREFIXED and name in left:
            added = value.split(":")
            rest = ":".join(part for part in left[name].split(":") if part not in added)
            left = {**left, name: rest} if rest else _without(left, name)
        elif left.get(name) == value:
            left = _without(left, name)
    return left


def added_to(value: str, before: str) -> str:
    """Return the entries of a list of paths that were not in it before."""
    known = before.split(":")
    return ":".join(part for part in value.split(":") if part not in known)


def settled(wanted: Iterable[Setting], own: Mapping[str, str]) -> tuple[Setting, ...]:
    """Return the settings with the user's values where ``own`` has them."""
    return tuple(_settled(setting, own) for setting in wanted)


def disagreements(wanted: Iterable[Setting], own: Mapping[str, str]) -> tuple[str, ...]:
    """Return a note on each variable of the user that keeps another value from being chosen."""
    return tuple(
        f"{setting.name}={own[setting.name]} is yours and stays; {setting.value} would be chosen: {setting.reason}"
        for setting in wanted
        if setting.name not in PREFIXED and own.get(setting.name) not in {None, setting.value}
    )


def prefixed(entries: Sequence[str], current: str, *, separator: str = ":") -> str:
    """Put ``entries`` in front of a list of paths, each path once."""
    rest = [part for part in current.split(separator) if part and part not in entries]
    return separator.join([*dict.fromkeys(entries), *rest])


def _settled(setting: Setting, own: Mapping[str, str]) -> Setting:
    value = own.get(setting.name)
    if value is None or setting.name in PREFIXED:
        return setting
    reason = "you set it" if value == setting.value else f"you set it; else {setting.value}: {setting.reason}"
    return replace(setting, value=value, reason=reason, by_user=True)


def _without(env: Mapping[str, str], name: str) -> dict[str, str]:
    return {other: value for other, value in env.items() if other != name}
