"""What a pipeline of Jenkins reads: properties, JUnit XML, a script for the shell. Pure.

Jenkins takes no commands from a log. A pipeline reads the properties (Pipeline Utility Steps, ``readProperties``) and
hands them on with ``withEnv``, which puts ``PATH+IPEXENV`` before PATH (``hudson.EnvVars.override``)::

    withEnv(readProperties(file: '.ipexenv/ipexenv.properties').collect { name, value -> "$name=$value" }) { … }
    junit '.ipexenv/junit.xml'
    archiveArtifacts '.ipexenv/summary.md'
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ipexenv.ci.dialect import Closing, ProviderName, Writing
from ipexenv.ci.files import passable, properties, shell_script
from ipexenv.ci.plain import as_variables, checked_path
from ipexenv.ci.reports import folder_in, summary_and_junit
from ipexenv.ci.shell import Shell, last_words, left_out

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ipexenv.ci.dialect import Told


@dataclass(frozen=True, kw_only=True, slots=True)
class Jenkins(Shell):
    """The dialect of Jenkins: its log is plain text."""

    @property
    def name(self) -> ProviderName:
        """Return the system's name."""
        return "jenkins"

    def folder(self, env: Mapping[str, str]) -> str:
        """Return a folder in the workspace; raise UsageError where that is not named."""
        return folder_in(env, "WORKSPACE", of="build of Jenkins")

    def closing(self, told: Told, env: Mapping[str, str], folder: str) -> Closing:  # noqa: ARG002 (the protocol)
        """Return the remarks, the properties and the script.

        A value with ``$`` is left out of the properties: ``withEnv`` may take it for the name of another variable.
        Raises UsageError where an output or a variable has a name or a value that cannot be.
        """
        variables, entries = as_variables(told.outputs, told.variables), checked_path(told.path_entries)
        passed, bad = passable(
            variables | ({"PATH+IPEXENV": ":".join(entries)} if entries else {}), lambda _, value: "$" in value
        )
        return Closing(
            log=last_words(told, left_out("ipexenv.properties", bad), folder),
            writings=(
                Writing(path=f"{folder}/ipexenv.properties", text=properties(passed)),
                Writing(path=f"{folder}/ipexenv.sh", text=shell_script(variables, entries)),
                *summary_and_junit(told, folder),
            ),
        )
