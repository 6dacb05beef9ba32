"""What `status` says where what is installed does not fit together: the commands that put it right."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ipexenv.answer import Problem

if TYPE_CHECKING:
    from ipexenv.facts import Facts
    from ipexenv.tables.schema import Tables


def misfit(facts: Facts, tables: Tables, *, target: str) -> tuple[Problem, list[str]]:
    """Return the problem and the commands in its hint; ``target`` are the words that name the target, or none."""
    from ipexenv.resolve.restoring import restorations  # noqa: PLC0415 (start-up time: only a misfit needs it)

    ways = [
        (way.words, way.command.replace("ipexenv install", f"ipexenv install{target}"))
        for way in restorations(facts, tables)
    ]
    hint = ", or ".join(f"{words} with `{command}`" for words, command in ways)
    problem = Problem(
        code="misfit",
        message="what is installed does not fit together",
        hint=hint or f"`ipexenv resolve{target}` says what would",
    )
    return problem, [command for _, command in ways]
