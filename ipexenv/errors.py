"""The one tree of errors that ipexenv raises on purpose.

An error holds its parts apart; only ``ipexenv.report`` joins them into text. The class decides the exit code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class IpexenvError(Exception):
    """Base of all errors that ipexenv reports: a bug in ipexenv unless a subclass says otherwise."""

    exit_code: ClassVar[int] = 4

    def __init__(
        self,
        message: str,
        *,
        code: str,
        causes: Sequence[str] = (),
        hint: str | None = None,
        data: Mapping[str, Any] | None = None,
    ) -> None:
        """Keep the parts of the error.

        ``code`` is a stable kebab-case name for machines, ``causes`` the facts that lead to the failure, most
        important first, ``hint`` the next command, ``data`` what the JSON envelope shows beside the problem.
        """
        super().__init__(message)
        self.message = message
        self.code = code
        self.causes = tuple(causes)
        self.hint = hint
        self.data = data


class AnswerIsNo(IpexenvError):  # noqa: N818 (the word of the exit-code contract, not a fault)
    """The question was answered, and the answer is no: nothing fits, or a check failed."""

    exit_code = 1


class UsageError(IpexenvError):
    """The command line or a file that the user named cannot be used as it is."""

    exit_code = 2


class OutsideError(IpexenvError):
    """Something outside ipexenv failed: network, source, package engine or target interpreter."""

    exit_code = 3


class TableError(IpexenvError):
    """A data table under ``compat/`` (or ``--tables DIR``) cannot be read; the message names file, row and key."""

    exit_code = 2
