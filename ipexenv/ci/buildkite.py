"""What Buildkite understands: headings in the log, and its agent for all that other steps and people should see. Pure.

Sources: Buildkite's pages "Managing log output" (``---``, ``+++``, ``~~~``, ``^^^ +++``), "buildkite-agent annotate"
(Markdown of at most 1 MiB) and "buildkite-agent meta-data" (values that are not blank, at most 100 KB, from stdin).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ipexenv.ci.dialect import AgentCommand, Closing, ProviderName, Remark, Writing
from ipexenv.ci.files import shell_script
from ipexenv.ci.plain import as_variables, checked_path, one_line, plain_lines
from ipexenv.ci.reports import cut_to, folder_in, summary_and_junit
from ipexenv.ci.shell import Shell, how_to_use, left_out, remark_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ipexenv.ci.dialect import Told

ANNOTATION_BYTES = 1 << 20
META_DATA_BYTES = 100_000

_HEADING = re.compile(r"\s*(---|\+\+\+|~~~|\^\^\^)")
_STYLES = {"error": "error", "warning": "warning", "notice": "info"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Buildkite(Shell):
    """The dialect of Buildkite."""

    @property
    def name(self) -> ProviderName:
        """Return the system's name."""
        return "buildkite"

    def folder(self, env: Mapping[str, str]) -> str:
        """Return a folder in the checkout; raise UsageError where that is not named."""
        return folder_in(env, "BUILDKITE_BUILD_CHECKOUT_PATH", of="job of Buildkite")

    def begin_group(self, title: str) -> str:
        """Return a heading under which everything is folded away, up to the next one."""
        return f"--- {one_line(title)}\n"

    def end_group(self, title: str) -> str:
        """Return a heading of what follows, which is open."""
        return f"+++ After {one_line(title)}\n"

    def quoted_line(self, line: str) -> str:
        """Return one line of another program; one that looks like a heading is marked, so that it is none."""
        lines = plain_lines(line.rstrip("\r\n"))
        return "".join(f"{'| ' if _HEADING.match(plain) else ''}{plain}\n" for plain in lines)

    def remark(self, remark: Remark) -> str:
        """Return the remark; an error opens the group that it stands in."""
        lines = "".join(self.quoted_line(line) for line in remark_text(remark).splitlines())
        return ("^^^ +++\n" if remark.level == "error" else "") + lines

    def closing(self, told: Told, env: Mapping[str, str], folder: str) -> Closing:
        """Return the remarks, the script for this job, and what the agent is to be told for the others.

        Meta-data holds outputs alone: other steps run on other hosts, where this one's variables are wrong. Raises
        UsageError where an output or a variable has a name or a value that cannot be.
        """
        variables = as_variables(told.outputs, told.variables)
        bad = tuple(name for name, value in told.outputs.items() if len(value.encode()) > META_DATA_BYTES)
        remarks = (*told.remarks, *left_out("the meta-data", bad))
        return Closing(
            log="".join(self.remark(remark) for remark in remarks) + how_to_use(told, folder),
            writings=(
                Writing(path=f"{folder}/ipexenv.sh", text=shell_script(variables, checked_path(told.path_entries))),
                *summary_and_junit(told, folder),
            ),
            commands=(*_annotation(told, env), *_meta_data(told, env, bad)),
        )


def _annotation(told: Told, env: Mapping[str, str]) -> Iterator[AgentCommand]:
    """Yield the command for one annotation, in the colour of the worst remark."""
    if told.summary.strip():
        levels = {remark.level for remark in told.remarks}
        style = next((_STYLES[level] for level in _STYLES if level in levels), "success")
        context = _named(env.get("BUILDKITE_STEP_KEY") or env.get("BUILDKITE_LABEL", ""))
        argv = ("buildkite-agent", "annotate", "--style", style, "--context", context)
        yield AgentCommand(argv=argv, stdin=cut_to(ANNOTATION_BYTES, told.summary))


def _meta_data(told: Told, env: Mapping[str, str], bad: tuple[str, ...]) -> Iterator[AgentCommand]:
    """Yield a command for each output, as ``ipexenv-torch``, or ``ipexenv-KEY-torch`` in a step that has a key."""
    prefix = _named(env.get("BUILDKITE_STEP_KEY", ""))
    for name, value in told.outputs.items():
        if value.strip() and name not in bad:
            yield AgentCommand(argv=("buildkite-agent", "meta-data", "set", f"{prefix}-{name}"), stdin=value)


def _named(step: str) -> str:
    plain = re.sub(r"[^A-Za-z0-9_.]+", "-", step).strip("-")
    return f"ipexenv-{plain}" if plain else "ipexenv"
