"""The reports that lie in the step's folder on every CI system. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ipexenv.ci.dialect import Writing
from ipexenv.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ipexenv.ci.dialect import Told

_CUT = "\n\n*(the rest does not fit)*\n"


def summary_and_junit(told: Told, folder: str) -> tuple[Writing, ...]:
    """Return the files ``summary.md`` and ``junit.xml``, the latter where checks ran."""
    files = {"summary.md": told.summary, "junit.xml": told.junit}
    return tuple(Writing(path=f"{folder}/{name}", text=text) for name, text in files.items() if text)


def cut_to(most_bytes: int, markdown: str) -> str:
    """Return as many whole lines as fit into ``most_bytes`` of UTF-8, and say so where some are left out."""
    raw = markdown.encode("utf-8", "replace")
    if len(raw) <= most_bytes:
        return raw.decode()
    kept = raw[: most_bytes - len(_CUT)].rpartition(b"\n")[0]
    return kept.decode() + _CUT


def folder_in(env: Mapping[str, str], variable: str, *, of: str, name: str = ".ipexenv") -> str:
    """Return the step's folder in the one that ``variable`` names; raise UsageError where it is not set."""
    above = env.get(variable, "")
    if not above.startswith("/"):
        raise UsageError(
            f"this is no {of}",
            code="no-runner",
            causes=(f"{variable} is not set" if not above else f"{variable} is {above!r}, no absolute path",),
            hint="`ipexenv install --venv DIR --verify` does the same anywhere",
        )
    return f"{above.rstrip('/')}/{name}"
