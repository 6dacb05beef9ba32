"""Is everything that a change installed really there? For what was cut off when all of it was installed already."""

from __future__ import annotations

import csv
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ipexenv.transaction.journal import ChangedPackage, Journal
    from ipexenv.transaction.state import StateFolder

_SUFFIX = ".dist-info"
_LABELLED = ("/METADATA", "/version.py", "/_version.py")
_LABEL_BYTES = 16


def packages_folders(state: StateFolder, journal: Journal) -> tuple[str, ...]:
    """Return the folders that a change put packages into; where it made the environment, those that it has.

    Each once: Fedora's environments have ``lib64`` as a link to ``lib``, and Python names both.
    """
    if journal.folders:
        return tuple(dict.fromkeys(os.path.realpath(folder) for folder in journal.folders))
    top = state.path.parent
    found = [
        str(path) for path in sorted(top.glob("lib*/python3.*/site-packages")) if not path.parent.parent.is_symlink()
    ]
    return tuple(found) or (str(top),)


def missing_of(journal: Journal, site_packages: Sequence[str]) -> tuple[str, ...]:
    """Return what the change should have installed, or removed, and did not, in words; empty when all of it is done.

    Every file that ``RECORD`` names has to be there with the size that stands there: after a power cut files may be
    there and empty.
    """
    return tuple(words for package in journal.packages for words in _missing(package, site_packages))


def _missing(package: ChangedPackage, site_packages: Sequence[str]) -> Iterator[str]:
    found = list(_metadata_of(package.name, site_packages))
    if package.after is None:
        yield from (f"{package.name} is still there: {folder}" for folder in found)
        return
    if len(found) != 1 or not _is_version(found[0], package.after):
        yield f"{package.name} {package.after} is not there" if not found else f"{package.name} is {found[0].name}"
        return
    wrong = next(_wrong_files(found[0]), None)
    if wrong is not None:
        yield f"{package.name} {package.after}: {wrong}"


def _is_version(metadata: Path, wanted: str) -> bool:
    """Compare as versions: ``certifi-2024.07.04.dist-info`` is 2024.7.4."""
    text = metadata.name.removesuffix(_SUFFIX).rpartition("-")[2]
    try:
        return Version(text) == Version(wanted)
    except InvalidVersion:
        return text == wanted


def _metadata_of(name: str, site_packages: Sequence[str]) -> Iterator[Path]:
    wanted = canonicalize_name(name)
    for folder in site_packages:
        for path in Path(folder).glob(f"*{_SUFFIX}"):
            if canonicalize_name(re.split(r"-(?=\d)", path.name, maxsplit=1)[0]) == wanted:
                yield path


def _wrong_files(metadata: Path) -> Iterator[str]:
    try:
        text = (metadata / "RECORD").read_text(encoding="utf-8", errors="surrogateescape")
        rows = list(csv.reader(text.splitlines()))
    except (OSError, csv.Error) as error:
        yield f"its RECORD cannot be read ({type(error).__name__})"
        return
    for row in rows:
        if not row or not row[0] or "/__pycache__/" in row[0]:  # Python makes byte code anew as it likes
            continue
        path = os.path.join(metadata.parent, row[0])  # noqa: PTH118 (tens of thousands of files)
        try:
            size_bytes = os.lstat(path).st_size
        except OSError:
            yield f"{row[0]} is missing"
            continue
        recorded = int(row[2]) if len(row) > 2 and row[2].isdigit() else size_bytes  # noqa: PLR2004 (name, hash, size)
        if recorded != size_bytes and not _is_relabelled(row[0], recorded, size_bytes):
            yield f"{row[0]} has {size_bytes} bytes instead of {row[2]}"


def _is_relabelled(name: str, recorded: int, size_bytes: int) -> bool:
    """Say whether a file may have lost its ``+cpu`` after RECORD was written, as in every IPEX wheel on the index."""
    return name.endswith(_LABELLED) and size_bytes > 0 and abs(recorded - size_bytes) <= _LABEL_BYTES
