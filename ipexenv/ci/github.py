"""What the runner of GitHub Actions understands: commands in the log, lines in its files. Pure.

Source: GitHub's page "Workflow commands for GitHub Actions", and actions/runner: ``ActionCommand.cs`` (how a line is
read as a command, and the escapes), ``ActionCommandManager.cs`` (stop-commands), ``FileCommandManager.cs`` (the files).
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ipexenv.ci.dialect import Closing, ProviderName, Remark, Writing
from ipexenv.ci.plain import check_value, checked, checked_path, plain_lines
from ipexenv.ci.reports import cut_to, summary_and_junit
from ipexenv.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ipexenv.ci.dialect import Told

_NEEDED = ("GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_PATH", "GITHUB_STEP_SUMMARY", "RUNNER_TEMP")
SUMMARY_BYTES = 1 << 20
"""Most that one step's summary may have; of a larger one the runner shows nothing at all."""

_OUTPUT = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


@dataclass(frozen=True, kw_only=True, slots=True)
class GitHub:
    """The dialect of GitHub Actions."""

    matcher: str = ""
    """A problem matcher (JSON) for the logs of later steps, see ``ipexenv.ci.matcher``; empty for none."""

    @property
    def name(self) -> ProviderName:
        """Return the system's name."""
        return "github"

    def folder(self, env: Mapping[str, str]) -> str:
        """Return a folder in the job's temporary one; raise UsageError where the runner's files are not named."""
        missing = [name for name in _NEEDED if not env.get(name)]
        if missing:
            raise UsageError(
                "this is no step of GitHub Actions",
                code="no-runner",
                causes=(f"{', '.join(missing)} is not set",),
                hint="`ipexenv install --venv DIR --verify` does the same anywhere",
            )
        return f"{env['RUNNER_TEMP'].rstrip('/')}/ipexenv"

    def opening(self, folder: str) -> Closing:
        """Return the file of the matcher; it is switched on at the end, for later steps."""
        return Closing(writings=(Writing(path=f"{folder}/matcher.json", text=self.matcher),) if self.matcher else ())

    def begin_group(self, title: str) -> str:
        """Return the line that begins a part of the log which is folded away."""
        return f"::group::{_data(title)}\n"

    def end_group(self, title: str) -> str:  # noqa: ARG002 (the protocol; groups have no names here)
        """Return the line that ends it."""
        return "::endgroup::\n"

    def begin_quote(self, token: str) -> str:
        """Return the line after which the runner takes no command but ``token``."""
        return f"::stop-commands::{token}\n"

    def quoted_line(self, line: str) -> str:
        """Return one line of another program; ``##[`` is what the page of the log folds and colours by."""
        return "".join(f"{plain}\n".replace("##[", "## [") for plain in plain_lines(line.rstrip("\r\n")))

    def end_quote(self, token: str) -> str:
        """Return the line after which the runner takes commands again."""
        return f"::{token}::\n"

    def remark(self, remark: Remark) -> str:
        """Return the line that shows a remark beside the run."""
        return f"::{remark.level} title={_property(remark.title)}::{_data(remark.text)}\n"

    def mask(self, secret: str) -> str:
        """Return the lines after which the runner shows ``***``; it looks at single lines, so every line is one."""
        return "".join(f"::add-mask::{_data(line)}\n" for line in re.split(r"[\r\n]+", secret) if line)

    def closing(self, told: Told, env: Mapping[str, str], folder: str) -> Closing:
        """Return the annotations, and what goes into the runner's files.

        Raises UsageError where an output or a variable has a name or a value that cannot be.
        """
        # What is read last comes first: the runner joins them in reverse.
        entries = reversed(checked_path(told.path_entries))
        files = {
            "GITHUB_OUTPUT": "".join(_entry(name, value) for name, value in told.outputs.items()),
            "GITHUB_ENV": "".join(_entry(name, value) for name, value in checked(told.variables).items()),
            "GITHUB_PATH": "".join(f"{path}\n" for path in entries),
            "GITHUB_STEP_SUMMARY": cut_to(SUMMARY_BYTES, told.summary),
        }
        log = "".join(self.remark(remark) for remark in told.remarks)
        if self.matcher:
            log += f"::add-matcher::{_data(f'{folder}/matcher.json')}\n"
        return Closing(
            log=log,
            writings=(
                *(Writing(path=env[name], text=text, append=True) for name, text in files.items() if text),
                *summary_and_junit(told, folder),
            ),
        )


def _entry(name: str, value: str) -> str:
    """Return the lines for GITHUB_OUTPUT or GITHUB_ENV; no value can end its own entry and begin another."""
    if not _OUTPUT.fullmatch(name):
        raise UsageError(f"{name!r} is no name of an output or a variable", code="bad-output")
    check_value(name, value)
    mark = "ipexenv_" + hashlib.sha256(value.encode()).hexdigest()
    return f"{name}<<{mark}\n{value}\n{mark}\n"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
