"""What somebody put into an environment after a change had made it: who undoes the change would lose it."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from ipexenv.transaction.state import FOLDER
from ipexenv.transaction.whole import packages_folders

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ipexenv.transaction.journal import Journal
    from ipexenv.transaction.state import StateFolder

_OWN = frozenset(
    {"bin", "include", "lib", "lib64", "share", "etc", "pyvenv.cfg", ".lock", ".gitignore", "CACHEDIR.TAG"}
)
"""What lies at the top of an environment that venv or uv has made."""
_SEEDS = frozenset({"pip", "setuptools", "wheel"})
_STAND_IN = "INSTALLER"
_UP = re.compile(r"(?:\.\./)+([^/]+)")


def strangers(state: StateFolder, journal: Journal) -> tuple[str, ...]:
    """Return, in words, packages and files of the environment that the change did not bring; those in use are many."""
    return tuple(_packages(state, journal)) + tuple(_files(state, journal))


def _packages(state: StateFolder, journal: Journal) -> Iterator[str]:
    known = {canonicalize_name(package.name) for package in journal.packages} | _SEEDS
    for path in _metadata(state, journal):
        name = _project(path)
        if name not in known and not _stands_in(path, known):
            yield f"{name} was installed since: {path}"


def _files(state: StateFolder, journal: Journal) -> Iterator[str]:
    known = {*_OWN, FOLDER}
    for path in _metadata(state, journal):
        known |= set(_tops(path))
    for path in sorted(state.path.parent.iterdir()):
        if path.name not in known:
            yield f"{path} was put there since"


def _metadata(state: StateFolder, journal: Journal) -> Iterator[Path]:
    for folder in packages_folders(state, journal):
        yield from sorted(Path(folder).glob("*.dist-info"))


def _project(metadata: Path) -> str:
    return canonicalize_name(re.split(r"-(?=\d)", metadata.name.removesuffix(".dist-info"), maxsplit=1)[0])


def _stands_in(metadata: Path, known: set[str] | frozenset[str]) -> bool:
    """Say whether a package of the change brought this metadata under another name, as the bridge does."""
    try:
        return canonicalize_name((metadata / _STAND_IN).read_text(encoding="utf-8").strip()) in known - _SEEDS
    except (OSError, UnicodeDecodeError):
        return False


def _tops(metadata: Path) -> Iterator[str]:
    """Yield what a package put at the top of the environment, by its RECORD."""
    try:
        with (metadata / "RECORD").open(encoding="utf-8", errors="surrogateescape", newline="") as file:
            yield from (match[1] for row in csv.reader(file) if row and (match := _UP.match(row[0])))
    except (OSError, csv.Error):
        return
