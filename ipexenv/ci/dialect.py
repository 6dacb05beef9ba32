"""What a CI system understands, in one protocol: each system's own module speaks it. Pure.

A dialect turns words into text and never writes: ``step`` prints what goes into the log and does the writings.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

Level = Literal["notice", "warning", "error"]
ProviderName = Literal["github", "gitlab", "azure", "jenkins", "buildkite", "shell"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Remark:
    """One thing that people should see beside the run: an annotation where the system has them."""

    level: Level
    title: str
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """Everything that the step has to say at its end."""

    outputs: Mapping[str, str]
    """For later steps, by the names of action.yml's outputs, as ``ccl-provider``."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """Environment variables for later steps."""
    path_entries: tuple[str, ...] = ()
    """Folders that come first on PATH in later steps."""
    remarks: tuple[Remark, ...] = ()
    summary: str = ""
    """Markdown."""
    junit: str | None = None
    """XML of the checks, None where nothing was proved."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Writing:
    """A text and the file that it goes to: the end of one that is there, or a new one in its place."""

    path: str
    text: str
    append: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentCommand:
    """A program of the CI system's own that takes what the log cannot carry (Buildkite's agent)."""

    argv: tuple[str, ...]
    stdin: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Closing:
    """How a dialect says what is told: write the files, then the log, which may name them, then start the commands."""

    log: str = ""
    writings: tuple[Writing, ...] = ()
    commands: tuple[AgentCommand, ...] = ()


class Dialect(Protocol):
    """What every module of a CI system offers."""

    @property
    def name(self) -> ProviderName:
        """Return the system's name."""
        ...

    def folder(self, env: Mapping[str, str]) -> str:
        """Return where the environment and the reports go: absolute, or below the working directory.

        Raises UsageError where the system's own variables are incomplete.
        """
        ...

    def opening(self, folder: str) -> Closing:
        """Return what is said before anything else, with the files that it needs in ``folder`` (GitHub: a matcher)."""
        ...

    def begin_group(self, title: str) -> str:
        """Return the line that begins a part of the log which is folded away."""
        ...

    def end_group(self, title: str) -> str:
        """Return the line that ends it."""
        ...

    def begin_quote(self, token: str) -> str:
        """Return what comes before the output of other programs; ``token`` is nothing that these could know."""
        ...

    def quoted_line(self, line: str) -> str:
        """Return one line of another program, in which the system finds no command."""
        ...

    def end_quote(self, token: str) -> str:
        """Return what comes after it."""
        ...

    def remark(self, remark: Remark) -> str:
        """Return the lines that show a remark."""
        ...

    def mask(self, secret: str) -> str:
        """Return what hides ``secret`` in all that follows; empty where the system has no such command."""
        ...

    def closing(self, told: Told, env: Mapping[str, str], folder: str) -> Closing:
        """Return how what is told reaches people and later steps; remarks are part of it.

        Raises UsageError where an output or a variable has a name that cannot be.
        """
        ...
