"""The summary of a run, as Markdown. Pure."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


def summary(document: Mapping[str, Any]) -> str:
    """Return what ``ipexenv install --json`` answered, for people: what was chosen, the checks, what is wrong."""
    data = document.get("data") or {}
    return "\n".join([*_chosen(data), *_checks(data), *_problems(document)]) + "\n"


def checks_of(data: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Return the checks of ``verify`` in the data of ``install``, none where nothing was proved."""
    found: Sequence[Mapping[str, Any]] = (data.get("verify") or {}).get("checks", ())
    return found


def _chosen(data: Mapping[str, Any]) -> Iterator[str]:
    yield "## ipexenv"
    yield ""
    if not data.get("pins"):
        return
    yield "| package | version | from |"
    yield "| --- | --- | --- |"
    for pin in data["pins"]:
        yield _row(pin["name"], pin["version"], pin["source"])
    ccl = data.get("ccl") or {}
    if ccl.get("reason"):
        yield ""
        yield _cell(f"ccl: {ccl['provider']}, because {ccl['reason']}")
    yield ""


def _checks(data: Mapping[str, Any]) -> Iterator[str]:
    checks = checks_of(data)
    if not checks:
        return
    yield "| check | status | seconds | detail |"
    yield "| --- | --- | --- | --- |"
    for check in checks:
        yield _row(check["id"], check["status"], f"{check['seconds']:.1f}", check["detail"])
    yield ""


def _problems(document: Mapping[str, Any]) -> Iterator[str]:
    for problem in document.get("problems", ()):
        yield f"**{_cell(problem['message'])}**"
        yield ""
        yield from (f"- because {_cell(cause)}" for cause in problem.get("causes", ()))
        if problem.get("hint"):
            yield f"- {_cell(problem['hint'])}"
        yield ""


def _row(*cells: object) -> str:
    return "| " + " | ".join(_cell(cell) for cell in cells) + " |"


def _cell(value: object) -> str:
    """Return a text that is nothing but text: no column, no line, no tag, no link of its own."""
    text = html.escape(" ".join(str(value).split()), quote=False)
    return "".join(f"\\{letter}" if letter in "|\\`*_[]!#" else letter for letter in text)
