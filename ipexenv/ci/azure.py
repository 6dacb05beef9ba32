"""What the agent of Azure Pipelines understands: logging commands. Pure.

Sources: Microsoft's page "Logging commands"; azure-pipelines-agent, ``Command.cs`` (how a line is read, the escapes)
and ``docs/design/percentEncoding.md`` (``%AZP25``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ipexenv.ci.dialect import Closing, ProviderName, Remark, Writing
from ipexenv.ci.files import passable, shell_script
from ipexenv.ci.plain import as_variables, check_value, checked_path, one_line, plain_lines
from ipexenv.ci.reports import folder_in, summary_and_junit
from ipexenv.ci.shell import Shell, left_out, remark_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ipexenv.ci.dialect import Told

_BEFORE_A_COMMAND = re.compile(r"#(?=[^ -~]*#[^ -~]*(?:v[^ -~]*s[^ -~]*o[^ -~]*)?\[)", re.IGNORECASE)
"""The agent looks for ``##vso[`` anywhere in a line, and by language, which passes over letters that are not seen."""

_LOOKS_ESCAPED = re.compile(r"%(?=3B|0D|0A|5D|AZP25)")
_ESCAPES = {";": "%3B", "\r": "%0D", "\n": "%0A", "]": "%5D"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Azure(Shell):
    """The dialect of Azure Pipelines."""

    @property
    def name(self) -> ProviderName:
        """Return the system's name."""
        return "azure"

    def folder(self, env: Mapping[str, str]) -> str:
        """Return a folder in the job's temporary one; raise UsageError where that is not named."""
        return folder_in(env, "AGENT_TEMPDIRECTORY", of="job of Azure Pipelines", name="ipexenv")

    def opening(self, folder: str) -> Closing:  # noqa: ARG002 (the protocol; the folder is in no repository)
        """Return nothing."""
        return Closing()

    def begin_group(self, title: str) -> str:
        """Return the line that begins a part of the log which is folded away."""
        return f"##[group]{self.quoted_line(one_line(title))}"

    def end_group(self, title: str) -> str:  # noqa: ARG002 (the protocol; groups have no names here)
        """Return the line that ends it."""
        return "##[endgroup]\n"

    def quoted_line(self, line: str) -> str:
        """Return one line of another program, in which nothing stands where a command begins."""
        return "".join(f"{_BEFORE_A_COMMAND.sub('# ', plain)}\n" for plain in plain_lines(line.rstrip("\r\n")))

    def remark(self, remark: Remark) -> str:
        """Return the line that shows a remark beside the run; the agent knows errors and warnings alone."""
        if remark.level == "notice":
            return "".join(self.quoted_line(line) for line in remark_text(remark).splitlines())
        text = "\n".join(plain_lines(f"{one_line(remark.title)}: {remark.text}"))
        return command("task.logissue", {"type": remark.level}, text)

    def mask(self, secret: str) -> str:
        """Return the lines after which the agent shows ``***``; it looks at single lines, so every line is one."""
        return "".join(command("task.setsecret", {}, line) for line in re.split(r"[\r\n]+", secret) if line)

    def closing(self, told: Told, env: Mapping[str, str], folder: str) -> Closing:  # noqa: ARG002 (the protocol)
        """Return the commands that show the remarks and the summary, set variables and put folders on PATH.

        Every output is a variable of later steps and, as ``$(STEP.IPEXENV_SETUP_TORCH)``, of later jobs. The agent
        gives names in capitals and replaces ``$(NAME)`` in values, so lower-case names and such values are left out.
        Raises UsageError where an output or a variable has a name or a value that cannot be.
        """
        variables, entries = as_variables(told.outputs, told.variables), checked_path(told.path_entries)
        passed, bad = passable(variables, lambda name, value: name != name.upper() or "$(" in value)
        outputs = [name for name in as_variables(told.outputs, {}) if name in passed]
        files = summary_and_junit(told, folder)
        lines = [
            *(self.remark(remark) for remark in (*told.remarks, *left_out("the variables", bad))),
            *(command("task.setvariable", {"variable": name}, value) for name, value in passed.items()),
            *(command("task.setvariable", {"variable": name, "isOutput": "true"}, passed[name]) for name in outputs),
            # What is read last comes first: the agent joins them in reverse.
            *(command("task.prependpath", {}, entry) for entry in reversed(entries)),
            *(command("task.uploadsummary", {}, file.path) for file in files if file.path.endswith(".md")),
        ]
        script = Writing(path=f"{folder}/ipexenv.sh", text=shell_script(variables, entries))
        return Closing(log="".join(lines), writings=(script, *files))


def command(name: str, settings: Mapping[str, str], message: str) -> str:
    """Return the line of a command; raise UsageError where ``message`` is no text."""
    check_value(name, message)
    told = ";".join(f"{key}={_escaped(value)}" for key, value in settings.items())
    return f"##vso[{name}{' ' if told else ''}{told}]{_escaped(message)}\n"


def _escaped(text: str) -> str:
    """Return the text as the agent reads it back.

    A percent sign is escaped only where it would be read as an escape: agents of which the variable DECODE_PERCENTS
    is false know no escape of it, and leave every other one alone.
    """
    marked = _LOOKS_ESCAPED.sub("%AZP25", text)
    return "".join(_ESCAPES.get(letter, letter) for letter in marked)
