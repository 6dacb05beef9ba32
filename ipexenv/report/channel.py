"""Where output goes: the answer to stdout, everything else to stderr, in text or as one JSON document."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ipexenv.errors import IpexenvError
from ipexenv.report.human import console, problem_text
from ipexenv.report.machine import answer_document, error_document

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

    from ipexenv.answer import Answer, Problem
    from ipexenv.events import Event

_INTERRUPTED = 130


@dataclass(frozen=True, kw_only=True, slots=True)
class Channel:
    """How this run speaks."""

    env: Mapping[str, str]
    command: str | None = None
    json: bool = False
    quiet: bool = False
    verbosity: int = 0

    @classmethod
    def for_arguments(cls, arguments: Sequence[str], env: Mapping[str, str], *, command: str | None) -> Channel:
        """Guess from raw arguments, so that even a usage error answers in JSON where JSON was asked for."""
        return cls(env=env, command=command, json="--json" in arguments)

    def for_options(self, options: argparse.Namespace) -> Channel:
        """Return the channel that the parsed options ask for."""
        return replace(
            self,
            json=options.json,
            quiet=options.quiet,
            verbosity=0 if options.quiet else options.verbose,
        )

    def listen(self, event: Event) -> None:
        """Show progress on stderr: steps unless quiet, details with -v, warnings always."""
        wanted = {
            "warning": True,
            "step": not self.quiet,
            "detail": self.verbosity >= 1,
            "output": self.verbosity >= 1,
        }[event.kind]
        if wanted:
            prefix = {"warning": "warning: ", "step": "", "detail": "  ", "output": "  | "}[event.kind]
            sys.stderr.write(f"{prefix}{event.text}\n")
            sys.stderr.flush()

    def succeed(self, answer: Answer, known: Problem | None = None) -> int:
        """Print the answer, and the ``known`` cause where it is a no, and return its exit code."""
        if self.json:
            sys.stdout.write(answer_document(self.command, answer, known))
        elif answer.raw is not None:
            sys.stdout.write(answer.raw)
        elif answer.show is not None:
            answer.show(console(sys.stdout, self.env))
        sys.stdout.flush()
        if not self.json:
            for problem in answer.problems:
                word = "error" if answer.exit_code else "warning"
                sys.stderr.write(
                    problem_text(
                        problem.message, code=problem.code, causes=problem.causes, hint=problem.hint, word=word
                    )
                )
            _tell_known(known)
        return answer.exit_code

    def fail(self, error: IpexenvError, known: Problem | None = None) -> int:
        """Print the error and its ``known`` cause, and return its exit code."""
        if self.json:
            sys.stdout.write(error_document(self.command, error, known))
        else:
            sys.stderr.write(problem_text(error.message, code=error.code, causes=error.causes, hint=error.hint))
            _tell_known(known)
        return error.exit_code

    def interrupted(self) -> int:
        """Say that Ctrl-C was obeyed."""
        sys.stderr.write("interrupted\n")
        return _INTERRUPTED

    def bug(self, error: Exception) -> int:
        """Report what should never happen, with what a report needs."""
        import traceback  # noqa: PLC0415 (start-up time: bugs are rare)

        if self.verbosity or "IPEXENV_TRACEBACK" in self.env:
            traceback.print_exception(error, file=sys.stderr)
        last = traceback.extract_tb(error.__traceback__)[-1]
        return self.fail(
            IpexenvError(
                f"a bug in ipexenv: {type(error).__name__}: {error}",
                code="bug",
                causes=(f"it was raised at {os.path.basename(last.filename)}:{last.lineno} in {last.name}",),  # noqa: PTH119
                hint="run it again with `-v` and report the traceback",
            )
        )


def _tell_known(known: Problem | None) -> None:
    if known is not None:
        sys.stderr.write(f"\nknown: {known.message} [{known.code}]\ncure: {known.hint}\n")
