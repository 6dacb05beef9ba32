"""Where an option's value comes from: flag > ``IPEXENV_*`` variable > ``[tool.ipexenv]`` > default."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ipexenv.errors import UsageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"", "0", "false", "no", "off"})
_NOT_SETTABLE = frozenset({"help", "json", "quiet", "verbose"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """Values set outside the command line, and where."""

    env: Mapping[str, str] = field(default_factory=dict)
    project: Mapping[str, Any] = field(default_factory=dict)
    """The ``[tool.ipexenv]`` table of the nearest pyproject.toml."""
    project_file: str | None = None

    @classmethod
    def find(cls, env: Mapping[str, str], directory: Path | None = None) -> Settings:
        """Look in ``env`` and in the pyproject.toml of ``directory`` or its nearest parent that has one."""
        start = Path.cwd() if directory is None else directory
        for folder in (start, *start.parents):
            file = folder / "pyproject.toml"
            if file.is_file():
                return cls(env=env, project=_read_project(file), project_file=str(file))
        return cls(env=env)


def apply_settings(parser: argparse.ArgumentParser, arguments: Sequence[str], settings: Settings) -> argparse.Namespace:
    """Parse ``arguments`` over the settings.

    The result's ``settings`` maps each option to the name of what set it (``flag``, ``IPEXENV_TORCH``,
    ``pyproject.toml``, ``default``). Raises UsageError that names the variable or key with a value that cannot be.
    """
    actions = [a for a in parser._actions if a.option_strings and a.dest not in _NOT_SETTABLE]  # noqa: SLF001 (argparse offers no public list)
    origin = {action.dest: _take_default(action, settings) for action in actions}
    options = parser.parse_args(arguments)
    for action in actions:
        if any(word.split("=", 1)[0] in action.option_strings for word in arguments):
            origin[action.dest] = "flag"
            if isinstance(action.default, list):  # argparse appends to the default: the flag replaces it instead
                setattr(options, action.dest, getattr(options, action.dest)[len(action.default) :])
    options.settings = origin
    return options


def _take_default(action: argparse.Action, settings: Settings) -> str:
    """Put the value set outside the command line into ``action``; return the name of what set it."""
    variable = f"IPEXENV_{action.dest.upper()}"
    if variable in settings.env:
        action.default = _convert(action, settings.env[variable], where=variable)
        return variable
    for key in (action.dest, action.dest.replace("_", "-")):
        if key in settings.project:
            where = f"[tool.ipexenv] of {settings.project_file}"
            action.default = _convert(action, settings.project[key], where=where)
            return "pyproject.toml"
    return "default"


def _convert(action: argparse.Action, raw: object, *, where: str) -> object:
    name = action.option_strings[-1]
    if action.nargs == 0:
        return _truth(raw, name=name, where=where)
    if type(action).__name__ == "_AppendAction":
        items = raw.split() if isinstance(raw, str) else raw
        if not isinstance(items, list):
            raise _unusable(name, raw, where, "a list")
        return [_one(action, item, where=where) for item in items]
    return _one(action, raw, where=where)


def _one(action: argparse.Action, raw: object, *, where: str) -> object:
    text = str(raw)
    try:
        value = action.type(text) if callable(action.type) else text
    except (ValueError, TypeError) as error:
        raise _unusable(action.option_strings[-1], raw, where, str(error)) from None
    if action.choices is not None and value not in action.choices:
        raise _unusable(action.option_strings[-1], raw, where, f"one of {', '.join(map(str, action.choices))}")
    return value


def _truth(raw: object, *, name: str, where: str) -> bool:
    if isinstance(raw, bool):
        return raw
    word = str(raw).strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise _unusable(name, raw, where, "true or false")


def _unusable(name: str, raw: object, where: str, wanted: str) -> UsageError:
    return UsageError(
        f"{where} sets {name} to {raw!r}, expected {wanted}",
        code="bad-setting",
        hint=f"correct it there, or override it with `{name}`",
    )


def _read_project(file: Path) -> Mapping[str, Any]:
    text = file.read_text(encoding="utf-8", errors="replace")
    if "tool.ipexenv" not in text and "[tool]" not in text:
        return {}
    from ipexenv import toml  # noqa: PLC0415 (only when the file speaks of ipexenv: start-up time counts)

    try:
        table = toml.loads(text).get("tool", {}).get("ipexenv", {})
    except toml.TOMLDecodeError as error:
        raise UsageError(f"{file} is not valid TOML: {error}", code="bad-pyproject") from None
    if not isinstance(table, dict):
        raise UsageError(f"[tool.ipexenv] of {file} is {table!r}, expected a table", code="bad-pyproject")
    return table
