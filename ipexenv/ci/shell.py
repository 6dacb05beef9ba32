"""No CI system, or none that is known: plain text, and files to read. Pure."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ipexenv.ci.dialect import Closing, ProviderName, Remark, Writing
from ipexenv.ci.files import dotenv, shell_script
from ipexenv.ci.plain import as_variables, checked_path, one_line, plain_lines
from ipexenv.ci.reports import summary_and_junit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ipexenv.ci.dialect import Told


@dataclass(frozen=True, kw_only=True, slots=True)
class Shell:
    """The dialect of a terminal."""

    @property
    def name(self) -> ProviderName:
        """Return the system's name."""
        return "shell"

    def folder(self, env: Mapping[str, str]) -> str:  # noqa: ARG002 (the protocol; nothing is set here)
        """Return a folder below the working directory."""
        return ".ipexenv"

    def opening(self, folder: str) -> Closing:
        """Return a file that keeps the folder out of Git."""
        return Closing(writings=(unversioned(folder),))

    def begin_group(self, title: str) -> str:
        """Return a heading."""
        return f"=== {one_line(title)} ===\n"

    def end_group(self, title: str) -> str:  # noqa: ARG002 (the protocol; the next heading ends it)
        """Return nothing."""
        return ""

    def begin_quote(self, token: str) -> str:  # noqa: ARG002 (the protocol; nothing here takes commands)
        """Return nothing."""
        return ""

    def quoted_line(self, line: str) -> str:
        """Return one line of another program, without anything that a terminal obeys."""
        return "".join(f"{plain}\n" for plain in plain_lines(line.rstrip("\r\n")))

    def end_quote(self, token: str) -> str:  # noqa: ARG002 (as begin_quote)
        """Return nothing."""
        return ""

    def remark(self, remark: Remark) -> str:
        """Return the remark with its level before it."""
        return remark_text(remark)

    def mask(self, secret: str) -> str:  # noqa: ARG002 (the protocol; nothing here hides anything)
        """Return nothing."""
        return ""

    def closing(self, told: Told, env: Mapping[str, str], folder: str) -> Closing:  # noqa: ARG002 (the protocol)
        """Return the remarks, ``ipexenv.sh`` to be read by a shell and ``ipexenv.env`` for what reads dotenv files.

        Raises UsageError where an output or a variable has a name or a value that cannot be.
        """
        variables = as_variables(told.outputs, told.variables)
        text, bad = dotenv(variables)
        return Closing(
            log=last_words(told, left_out("ipexenv.env", bad), folder),
            writings=(
                Writing(path=f"{folder}/ipexenv.sh", text=shell_script(variables, checked_path(told.path_entries))),
                Writing(path=f"{folder}/ipexenv.env", text=text),
                *summary_and_junit(told, folder),
            ),
        )


def remark_text(remark: Remark) -> str:
    """Return a remark as plain lines, the first of which has level and title."""
    first, *rest = [line for line in plain_lines(remark.text) if line.strip()] or [""]
    lines = [f"{remark.level}: {one_line(remark.title)}: {first}".rstrip(), *(f"  {line}" for line in rest)]
    return "".join(f"{line}\n" for line in lines)


def last_words(told: Told, more: tuple[Remark, ...], folder: str) -> str:
    """Return the remarks, and how the rest of the job takes the environment."""
    return "".join(remark_text(remark) for remark in (*told.remarks, *more)) + how_to_use(told, folder)


def how_to_use(told: Told, folder: str) -> str:
    """Return the line that says how the rest of the job takes the environment; empty where there is none."""
    return f"to use it here: . {shlex.quote(f'{folder}/ipexenv.sh')}\n" if told.path_entries else ""


def left_out(where: str, names: tuple[str, ...]) -> tuple[Remark, ...]:
    """Return a warning that names the variables which could not be passed on, if there are any."""
    if not names:
        return ()
    text = f"{', '.join(names)}: the value would not be read back as it is"
    return (Remark(level="warning", title=f"ipexenv: left out of {where}", text=text),)


def unversioned(folder: str) -> Writing:
    """Return a file by which Git passes over the folder."""
    return Writing(path=f"{folder}/.gitignore", text="*\n")
