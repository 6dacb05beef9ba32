"""What GitLab understands: sections in the log, and the files that a job names as its reports. Pure.

Sources: GitLab's pages "CI/CD job logs" (sections), "artifacts:reports:dotenv" and "Code Quality report format".
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ipexenv.ci.dialect import Closing, ProviderName, Remark, Writing
from ipexenv.ci.files import gitlab_dotenv, shell_script
from ipexenv.ci.plain import as_variables, checked_path, one_line
from ipexenv.ci.reports import folder_in, summary_and_junit
from ipexenv.ci.shell import Shell, last_words, left_out

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ipexenv.ci.dialect import Told

_SEVERITIES = {"error": "major", "warning": "minor", "notice": "info"}


@dataclass(frozen=True, kw_only=True, slots=True)
class GitLab(Shell):
    """The dialect of GitLab CI."""

    now: Callable[[], float] = time.time
    """Seconds since 1970: GitLab shows how long a section took."""

    @property
    def name(self) -> ProviderName:
        """Return the system's name."""
        return "gitlab"

    def folder(self, env: Mapping[str, str]) -> str:
        """Return a folder in the project's, for reports lie there; raise UsageError where that is not named."""
        return folder_in(env, "CI_PROJECT_DIR", of="job of GitLab")

    def begin_group(self, title: str) -> str:
        """Return the line that begins a section which is folded away."""
        section = f"section_start:{int(self.now())}:{_section(title)}[collapsed=true]"
        return f"\x1b[0K{section}\r\x1b[0K{one_line(title)}\n"

    def end_group(self, title: str) -> str:
        """Return the line that ends it."""
        return f"\x1b[0Ksection_end:{int(self.now())}:{_section(title)}\r\x1b[0K\n"

    def closing(self, told: Told, env: Mapping[str, str], folder: str) -> Closing:
        """Return the remarks, the script for this job, and the reports.

        The dotenv report holds outputs alone: later jobs run on other hosts, where this one's variables are wrong.
        Raises UsageError where an output or a variable has a name or a value that cannot be.
        """
        variables = as_variables(told.outputs, told.variables)
        report, bad = gitlab_dotenv(as_variables(told.outputs, {}))
        return Closing(
            log=last_words(told, left_out("ipexenv.env", bad), folder),
            writings=(
                Writing(path=f"{folder}/ipexenv.env", text=report),
                Writing(path=f"{folder}/ipexenv.sh", text=shell_script(variables, checked_path(told.path_entries))),
                Writing(path=f"{folder}/codequality.json", text=code_quality(told.remarks, _workflow(env))),
                *summary_and_junit(told, folder),
            ),
        )


def code_quality(remarks: Sequence[Remark], path: str) -> str:
    """Return the remarks as a Code Quality report; they stand at the beginning of the workflow's file."""
    issues = {}
    for remark in remarks:
        about = hashlib.sha256(f"{remark.level}\0{remark.title}\0{remark.text}".encode("utf-8", "replace"))
        issues[about.hexdigest()] = {
            "description": f"{one_line(remark.title)}: {one_line(remark.text)}",
            "check_name": one_line(remark.title),
            "fingerprint": about.hexdigest(),
            "severity": _SEVERITIES[remark.level],
            "location": {"path": path, "lines": {"begin": 1}},
        }
    return json.dumps(list(issues.values()), indent=2) + "\n"


def _workflow(env: Mapping[str, str]) -> str:
    """Return the file of the workflow, relative to the project; it may lie elsewhere, and be told by an address."""
    told = env.get("CI_CONFIG_PATH", "").removeprefix("./")
    return told if re.fullmatch(r"[\w.-][\w./ -]*", told) else ".gitlab-ci.yml"


def _section(title: str) -> str:
    return "ipexenv_" + re.sub(r"[^a-z0-9]+", "_", title.lower()).strip("_")
