"""Which files an installed distribution owns, by its own records.

``RECORD`` as PyPA's "recording installed projects" has it; ``installed-files.txt`` of setuptools' older installations.
"""

from __future__ import annotations

import csv
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_SUFFIXES = (".dist-info", ".egg-info")


def owned_files(site_packages: Iterable[str], project: str) -> tuple[str, ...]:
    """Return the absolute paths of everything that belongs to a project (normalised name) in these folders.

    Its metadata folder is listed in full, whatever its records say. A project that is not there owns nothing; one
    without records (conda's, a system's) owns its metadata alone.
    """
    found: set[str] = set()
    for folder in site_packages:
        for metadata in _metadata_folders(folder, project):
            found.update(_recorded(folder, metadata))
            found.update(_below(metadata))
    return tuple(sorted(found))


def _metadata_folders(folder: str, project: str) -> Iterator[str]:
    try:
        names = os.listdir(folder)  # noqa: PTH208 (names, not paths)
    except OSError:
        return
    for name in names:
        stem = next((name.removesuffix(suffix) for suffix in _SUFFIXES if name.endswith(suffix)), None)
        if stem and canonicalize_name(re.split(r"-(?=\d)", stem, maxsplit=1)[0]) == project:
            yield f"{folder}/{name}"


def _recorded(folder: str, metadata: str) -> Iterator[str]:
    try:
        with Path(metadata, "RECORD").open(encoding="utf-8", errors="surrogateescape", newline="") as file:
            yield from (os.path.normpath(os.path.join(folder, row[0])) for row in csv.reader(file) if row and row[0])  # noqa: PTH118 (tens of thousands)
            return
    except (OSError, csv.Error):
        pass
    try:
        text = Path(metadata, "installed-files.txt").read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return
    yield from (os.path.normpath(os.path.join(metadata, line)) for line in text.splitlines() if line.strip())  # noqa: PTH118 (as above)


def _below(metadata: str) -> Iterator[str]:
    if not Path(metadata).is_dir():
        yield metadata
        return
    for folder, _, names in os.walk(metadata):
        yield from (f"{folder}/{name}" for name in names)
