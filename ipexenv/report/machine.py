"""The JSON envelope: one schema for every command, also on failure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ipexenv.answer import Answer, Problem
    from ipexenv.errors import IpexenvError

SCHEMA = 1


def answer_document(command: str | None, answer: Answer, known: Problem | None = None) -> str:
    """Return the envelope of a command that ran to its end; a ``known`` cause is the last problem."""
    problems = _problems((*answer.problems, *(() if known is None else (known,))))
    return _document(command, status=answer.status, exit_code=answer.exit_code, data=answer.data, problems=problems)


def error_document(command: str | None, error: IpexenvError, known: Problem | None = None) -> str:
    """Return the envelope of a command that stopped; a ``known`` cause is the last problem."""
    problem = {
        "code": error.code,
        "message": error.message,
        "causes": list(error.causes),
        "hint": error.hint,
    }
    status = "no" if error.exit_code == 1 else "error"
    return _document(
        command,
        status=status,
        exit_code=error.exit_code,
        data=error.data or {},
        problems=[problem, *_problems(() if known is None else (known,))],
    )


def _problems(problems: Sequence[Problem]) -> list[dict[str, Any]]:
    return [
        {"code": problem.code, "message": problem.message, "causes": list(problem.causes), "hint": problem.hint}
        for problem in problems
    ]


def _document(
    command: str | None, *, status: str, exit_code: int, data: Mapping[str, Any], problems: list[dict[str, Any]]
) -> str:
    envelope = {
        "schema": SCHEMA,
        "command": command,
        "status": status,
        "exit_code": exit_code,
        "data": data,
        "problems": problems,
    }
    return json.dumps(envelope, indent=2, ensure_ascii=False) + "\n"
