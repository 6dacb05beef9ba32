"""Files with variables that shells and CI systems read back, whatever the values hold. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ipexenv.launch.shell_environment import Changes
from ipexenv.report.env import environment_text, unwritable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_ESCAPED_IN_PROPERTIES = re.compile(r"[^ -~]|[\\=:#!]|^ ")


def shell_script(variables: Mapping[str, str], path_entries: Sequence[str]) -> str:
    """Return a script for ``.`` in sh, dash, bash and zsh; read twice it does the same as read once.

    Values stand between single quotes, within which POSIX shells take every character for itself (Shell Command
    Language, section 2.2.2).
    """
    text = "# Made by ipexenv ci: the environment of this job. Read it with `. FILE`.\n"
    text += environment_text(Changes(set=tuple(variables.items())), "sh")
    if path_entries:
        first = "'" + ":".join(path_entries).replace("'", "'\\''") + "'"
        text += f'case "$PATH" in\n{first} | {first}:*) ;;\n*) PATH={first}"${{PATH:+:$PATH}}" ;;\nesac\nexport PATH\n'
    return text


def dotenv(variables: Mapping[str, str]) -> tuple[str, tuple[str, ...]]:
    """Return a file for python-dotenv and Compose, and the names of what it cannot hold (``${`` is replaced there)."""
    bad = tuple(
        name for name, value in variables.items() if unwritable(Changes(set=((name, value),)), "dotenv") is not None
    )
    kept = tuple((name, value) for name, value in variables.items() if name not in bad)
    return environment_text(Changes(set=kept), "dotenv"), bad


def gitlab_dotenv(
    variables: Mapping[str, str], *, most_variables: int = 50, most_bytes: int = 5 * 1024
) -> tuple[str, tuple[str, ...]]:
    """Return a file for GitLab's ``artifacts:reports:dotenv``, and the names of what it cannot hold.

    GitLab takes a line as name and value, strips both, knows neither quotes nor escapes, and replaces ``$NAME``,
    ``${NAME}`` and ``%NAME%`` in the value (``ParseDotenvArtifactService``, ``ExpandVariables``). A file that is as
    long as the limit or has more variables is refused whole: 5 KiB and 50 on gitlab.com's free plan
    (docs.gitlab.com, "CI/CD limits").
    """
    text, bad, count = "", [], 0
    for name, value in variables.items():
        line = f"{name}={value}\n"
        room = count < most_variables and len((text + line).encode()) < most_bytes
        if room and value == value.strip() and not re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff$%]", value):
            text, count = text + line, count + 1
        else:
            bad.append(name)
    return text, tuple(bad)


def properties(variables: Mapping[str, str]) -> str:
    r"""Return a file for Jenkins' ``readProperties``: it is read by java.util.Properties, with this very grammar.

    What is not ASCII is written as ``\uXXXX`` in UTF-16, so that no guess at the file's encoding matters.
    """
    return "".join(f"{_property(name)}={_property(value)}\n" for name, value in variables.items())


def _property(text: str) -> str:
    return _ESCAPED_IN_PROPERTIES.sub(lambda match: _property_escape(match[0]), text)


def _property_escape(letter: str) -> str:
    if " " <= letter <= "~":
        return f"\\{letter}"
    units = letter.encode("utf-16-be")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


def passable(
    variables: Mapping[str, str], refused: Callable[[str, str], bool]
) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return the variables that are not ``refused``, and the names of the others."""
    bad = tuple(name for name, value in variables.items() if refused(name, value))
    return {name: value for name, value in variables.items() if name not in bad}, bad
