"""Where the options of ``ipexenv run`` end and the words of the script begin. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ipexenv.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

WITH_VALUE = frozenset(
    {
        "-n", "--nproc", "-ppn", "--nproc-per-host", "--hostfile", "--hosts", "--launcher", "--ccl-workers",
        "--threads", "--allocator", "--log-dir", "--start-timeout", "--master-addr", "--master-port", "--env",
        "--python", "--venv", "--tables", "--emit", "--output", "--name", "--cpus-per-rank", "--memory", "--time",
        "--workdir", "--partition", "--account", "--image", "--namespace", "--pvc", "--node-selector",
    }
)  # fmt: skip
"""Options that take the next word; a test holds them against the parser."""

Kind = Literal["script", "module", "program"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Started:
    """What every rank runs."""

    kind: Kind
    words: tuple[str, ...]
    """Script, module or program, and its arguments."""

    @property
    def name(self) -> str:
        """Return the script, module or program."""
        return self.words[0]

    def command(self, python: str) -> tuple[str, ...]:
        """Return the command line of a rank."""
        if self.kind == "program":
            return self.words
        return (python, *(("-m",) if self.kind == "module" else ()), *self.words)


def divide(words: Sequence[str], with_value: Collection[str] = WITH_VALUE) -> tuple[list[str], list[str]]:
    """Return the words for ipexenv, the command's name among them, and those of the script from its name on.

    The script's words begin with the first word that is no option after the command's name; with ``-m``, a module's;
    with ``--``, any program's.
    """
    named = False
    index = 0
    while index < len(words):
        word = words[index]
        if named and (word in {"--", "-m"} or not word.startswith("-")):
            return list(words[:index]), list(words[index:])
        named = named or not word.startswith("-")
        index += 2 if word in with_value else 1
    return list(words), []


def started(words: Sequence[str]) -> Started:
    """Return what is to be run; raise UsageError where nothing is named."""
    first = words[0] if words else ""
    rest = tuple(words[1:])
    if first in {"--", "-m"} and rest:
        return Started(kind="program" if first == "--" else "module", words=rest)
    if not words or first in {"--", "-m"}:
        raise UsageError(
            "nothing to run is named",
            code="usage",
            hint="`ipexenv run [options] script.py ...`, `ipexenv run [options] -m module ...` or "
            "`ipexenv run [options] -- program ...`",
        )
    return Started(kind="script", words=tuple(words))
