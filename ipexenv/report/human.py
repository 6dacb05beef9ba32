"""Text for people: consoles and the parts that every command shares."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import Console

_PIPE_WIDTH = 120


def console(stream: TextIO, env: Mapping[str, str] | None = None) -> Console:
    """Return a console on ``stream`` that obeys NO_COLOR and never wraps what goes into a pipe at 80 columns."""
    import shutil  # noqa: PLC0415 (start-up time, as the next)

    from rich.console import Console as RichConsole  # noqa: PLC0415 (70 ms that errors and JSON need not pay)

    environment = os.environ if env is None else env
    terminal = stream.isatty()
    width = shutil.get_terminal_size().columns if terminal else _PIPE_WIDTH
    if environment.get("COLUMNS", "").isdigit():
        width = int(environment["COLUMNS"])
    return RichConsole(
        file=stream,
        width=width,
        markup=False,
        highlight=False,
        emoji=False,
        soft_wrap=not terminal,
        no_color="NO_COLOR" in environment or not terminal,
        force_terminal=None if terminal else False,
        legacy_windows=False,
    )


def problem_text(
    message: str, *, code: str | None = None, causes: Sequence[str] = (), hint: str | None = None, word: str = "error"
) -> str:
    """Return the one shape of errors: ``error: … [code]``, ``because …``, ``hint: …``."""
    lines = [f"{word}: {message}" + (f" [{code}]" if code else "")]
    lines += [f"  because {cause}" for cause in causes]
    if hint:
        lines += ["", f"hint: {hint}"]
    return "\n".join(lines) + "\n"


def stderr_supports_colour(env: Mapping[str, str]) -> bool:
    """Say whether progress may be coloured."""
    return sys.stderr.isatty() and "NO_COLOR" not in env
