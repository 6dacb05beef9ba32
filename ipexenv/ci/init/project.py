"""What a workflow has to know of a project, in letters to which no file format gives a meaning. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from packaging.version import Version

from ipexenv.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from packaging.specifiers import SpecifierSet

    from ipexenv.outcome import Stack
    from ipexenv.tables.schema import Tables

OLDEST = Version("3.10")
"""The oldest Python that ipexenv itself runs on: one Python serves it and the environment."""

_PREFERRED = ("3.12", "3.11", "3.13", "3.10", "3.14")
_BRANCH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./-]*")
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Project:
    """A project, as far as a workflow is concerned."""

    name: str
    """Letters, digits, dots, hyphens."""
    python: str
    """As ``3.11``."""
    lock: str | None = None
    """``pylock.toml`` where there is one of ipexenv's."""
    torch: str | None = None
    """As ``2.8``; None with a lock, and for the newest that fits."""
    stack: Stack | None = None
    """``native`` where no IPEX fits the torch; None for ipexenv's own default."""
    requirements: bool = False
    """Whether there is a requirements.txt."""
    hashed: bool = False
    """Whether that names the hash of each file."""
    install: str | None = None
    """What pip installs for the project itself, as ``.[test]``; None where it is no package."""
    tests: bool = False
    branch: str | None = None
    """The default branch; None where it is not known, or is called what a workflow cannot say."""


def safe_name(text: str) -> str:
    """Return ``text`` as a name of letters, digits, dots and hyphens."""
    return _UNSAFE.sub("-", text).strip("-._")[:60] or "project"


def safe_branch(text: str | None) -> str | None:
    """Return the branch where a workflow can name it: elsewhere ``*`` and ``${{`` have a meaning."""
    return text if text is not None and len(text) <= 200 and _BRANCH.fullmatch(text) else None  # noqa: PLR2004 (git's own limit is near)


@dataclass(frozen=True, kw_only=True, slots=True)
class Fit:
    """What goes with a torch."""

    stack: Stack | None
    pythons: tuple[str, ...]
    """Minors with wheels; none where the tables do not know."""
    withdrawn: bool = False
    """Whether every IPEX for it was withdrawn, so that `install` takes none without consent."""


def fit_of(torch: SpecifierSet | None, tables: Tables) -> Fit:
    """Return the stack and the Pythons for ``torch``; None is the newest that IPEX is for."""
    torches = [row for row in tables.torch if torch is None or torch.contains(row.version, prereleases=True)]
    pairs = [
        (ipex, row)
        for ipex in tables.ipex
        if ipex.broken is None
        for row in torches
        if ipex.torch.contains(row.version, prereleases=True)
    ]
    if not pairs:
        return Fit(stack="native", pythons=_minors(torches[-1].python) if torches else ())
    ipex, row = next((pair for pair in reversed(pairs) if pair[0].yanked is None), pairs[-1])
    return Fit(stack=None, pythons=_minors(set(ipex.python) & set(row.python)), withdrawn=ipex.yanked is not None)


def choose_python(fit: Fit, wanted: SpecifierSet | None, *, torch: str | None) -> str:
    """Return the Python that has wheels and that the project allows; raise UsageError where there is none."""
    known = [minor for minor in _PREFERRED if not fit.pythons or minor in fit.pythons]
    allowed = [minor for minor in known if wanted is None or _allows(wanted, minor)]
    if allowed:
        return allowed[0]
    causes = [f"torch {torch or 'and IPEX'} has wheels for Python {', '.join(fit.pythons) or 'unknown'}"]
    if wanted is not None:
        causes.append(f"pyproject.toml wants Python {wanted}")
    raise UsageError(
        "no Python fits the project, its torch and ipexenv",
        code="no-python",
        causes=(*causes, f"ipexenv runs on Python {OLDEST} and newer"),
        hint="name another torch with `--torch V`, or change requires-python",
    )


def _allows(wanted: SpecifierSet, minor: str) -> bool:
    return any(wanted.contains(f"{minor}.{patch}", prereleases=True) for patch in (0, 99))


def _minors(pythons: Iterable[Version]) -> tuple[str, ...]:
    return tuple(str(version) for version in sorted(pythons))
