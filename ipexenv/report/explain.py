"""Tell what a log means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ipexenv.doctor.ranking import filled

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

    from ipexenv.doctor.ranking import Cause
    from ipexenv.doctor.scanning import Line, Scan, Sighting

_OTHERS = 3
"""Further causes that are shown by their first words; the first one is shown whole."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Explanation:
    """What a log means."""

    scan: Scan
    causes: tuple[Cause, ...]
    """Best first."""
    words: Mapping[str, str]
    """What is filled into causes and cures."""
    suspects: tuple[Line, ...] = ()
    """What looks worst, where there is no cause."""
    harmless: tuple[Sighting, ...] = ()


def explanation_data(explanation: Explanation) -> dict[str, Any]:
    """Return the JSON data of `explain`."""
    return {
        "causes": [_cause(cause, explanation.words) for cause in explanation.causes],
        "suspicious": [_line(line) for line in explanation.suspects],
        "lines": explanation.scan.lines,
        "bytes": explanation.scan.size_bytes,
    }


def show_explanation(explanation: Explanation, console: Console, *, everything: bool = False) -> None:
    """Print the first cause whole and the others shortly, or all of them; or that nothing is known."""
    causes, words = explanation.causes, explanation.words
    if not causes:
        _show_unknown(explanation, console)
    for cause in causes if everything else causes[:1]:
        _show_cause(cause, words, console)
    rest = () if everything else causes[1:]
    for cause in rest[:_OTHERS]:
        console.print(f"also: {cause.failure.id} (line {cause.lines[0].number}): {_filled(cause, words)[0]}")
    if len(rest) > _OTHERS:
        console.print(f"and {len(rest) - _OTHERS} more: `--all` shows them")
    for sighting in explanation.harmless if everything else ():
        console.print(f"harmless: line {sighting.lines[0].number}: {sighting.failure.cause}")


def _show_cause(cause: Cause, words: Mapping[str, str], console: Console) -> None:
    why, what = _filled(cause, words)
    console.print(f"{cause.failure.severity}: {cause.failure.id}", style="bold")
    for line in cause.lines:
        console.print(f"  {line.number}: {line.text}", soft_wrap=True)
    if cause.count > len(cause.lines):
        console.print(f"  and {cause.count - len(cause.lines)} more")
    console.print(f"cause: {why}")
    if cause.unlikely:
        console.print(f"but {cause.unlikely}: was this log written in another environment?")
    console.print(f"cure: {what}")
    console.print(f"see {', '.join(cause.failure.provenance.source)}")
    console.print()


def _show_unknown(explanation: Explanation, console: Console) -> None:
    count, target = explanation.scan.lines, explanation.words.get("target", "")
    if not explanation.scan.size_bytes:
        console.print("the log is empty: errors go to stderr, so pipe both in, `some-command 2>&1 | ipexenv explain`")
        console.print(f"`ipexenv doctor{target} --deep` says why a program ends without a word")
        return
    console.print(f"nothing that ipexenv knows is in {'this line' if count == 1 else f'these {count} lines'}")
    if not explanation.suspects:
        console.print("nothing in it looks like a failure either")
        return
    console.print("what looks most like a failure:")
    for line in explanation.suspects:
        console.print(f"  {line.number}: {line.text}", soft_wrap=True)
    console.print()
    console.print(f"`ipexenv doctor{target} --deep` looks for the cause in the environment itself")
    console.print(
        f"to report it, send these lines with what `ipexenv doctor{target} --markdown` says to the project whose "
        "file the traceback ends in"
    )


def _filled(cause: Cause, words: Mapping[str, str]) -> tuple[str, str]:
    all_words = {**words, **dict(cause.groups)}
    return filled(cause.failure.cause, all_words), filled(cause.failure.cure, all_words)


def _cause(cause: Cause, words: Mapping[str, str]) -> dict[str, Any]:
    why, what = _filled(cause, words)
    return {
        "id": cause.failure.id,
        "stage": cause.failure.stage,
        "severity": cause.failure.severity,
        "cause": why,
        "cure": what,
        "unlikely": cause.unlikely,
        "lines": [_line(line) for line in cause.lines],
        "count": cause.count,
        "source": list(cause.failure.provenance.source),
    }


def _line(line: Line) -> dict[str, Any]:
    return {"number": line.number, "text": line.text}
