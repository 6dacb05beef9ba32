"""The log of a step as GitHub's runner reads it: commands are obeyed or refused, secrets are hidden.

Source: actions/runner, ``ActionCommand.cs`` (``::name properties::data`` at the start of a line, ``##[name]data``
anywhere in it) and ``ActionCommandManager.cs`` (``::stop-commands::``).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

_COMMAND = re.compile(r"\s*::(?P<name>[^ :]+)(?: (?P<properties>[^:]*))?::(?P<data>.*)")
_LEGACY = re.compile(r"##\[(?P<name>[^\] ]+)[^\]]*\]")
_FOLDING = frozenset({"group", "endgroup", "debug", "error", "warning", "section", "command"})
"""What the page of a log makes of ``##[…]``: colours and folds, no commands."""


@dataclass(frozen=True, kw_only=True)
class Annotation:
    level: str
    title: str
    text: str


@dataclass(kw_only=True)
class Log:
    """What a log has come to; ``take`` it line by line."""

    lines: list[str] = field(default_factory=list)
    """As people see them."""
    annotations: list[Annotation] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    """Titles in their order."""
    matchers: list[str] = field(default_factory=list)
    """Owners of the problem matchers that are on."""
    masks: set[str] = field(default_factory=set)
    _stopped: str | None = None
    _in_group: bool = False

    @property
    def text(self) -> str:
        return "".join(f"{line}\n" for line in self.lines)

    def take(self, output: str) -> None:
        *lines, last = output.split("\n")
        for line in (*lines, *([last] if last else [])):
            self._take_line(line)

    def end_step(self) -> None:
        """A step ends: so does its group, and commands are taken again."""
        assert self._stopped is None, "the step left commands stopped"
        assert not self._in_group, "the step left a group open"

    def _take_line(self, line: str) -> None:
        command = _COMMAND.match(line)
        if self._stopped is not None:
            if line.strip() == f"::{self._stopped}::":
                self._stopped = None
            else:
                self._show(line)
        elif command:
            self._obey(command["name"], command["properties"] or "", _plain(command["data"]), line)
        else:
            legacy = _LEGACY.search(line)
            assert legacy is None or legacy["name"] in _FOLDING, f"the old command {line!r}"
            self._show(line)

    def _obey(self, name: str, properties: str, data: str, line: str) -> None:
        if name == "stop-commands":
            assert len(data) >= 16, "a word that others could guess"
            self._stopped = data
        elif name == "add-mask":
            assert data, "an empty mask hides everything"
            self.masks |= {data, *data.splitlines()}
        elif name in {"error", "warning", "notice"}:
            pairs = dict(pair.split("=", 1) for pair in properties.split(",") if pair)
            title = _plain(pairs.get("title", "")).replace("%3A", ":").replace("%2C", ",")
            self.annotations.append(Annotation(level=name, title=self._hidden(title), text=self._hidden(data)))
            self._show(f"{name}: {data}")
        elif name == "group":
            assert not self._in_group, "groups hold no groups"
            self._in_group = True
            self.groups.append(self._hidden(data))
        elif name == "endgroup":
            self._in_group = False
        elif name == "add-matcher":
            self._switch_on(Path(data))
        else:
            msg = f"this runner does not know the command {line!r}"
            raise AssertionError(msg)

    def _switch_on(self, file: Path) -> None:
        for matcher in json.loads(file.read_text("utf-8"))["problemMatcher"]:
            assert matcher["severity"] in {"error", "warning", "notice"}
            for pattern in matcher["pattern"]:
                assert pattern["regexp"]
                assert isinstance(pattern["message"], int)
            self.matchers.append(matcher["owner"])

    def _show(self, line: str) -> None:
        self.lines.append(self._hidden(line))

    def _hidden(self, text: str) -> str:
        for mask in sorted(self.masks, key=len, reverse=True):
            text = text.replace(mask, "***")
        return text


def _plain(data: str) -> str:
    return data.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")
