"""Refuse before anything is changed."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from ipexenv.errors import OutsideError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ipexenv.facts import Target

_MB = 1_000_000


def refuse_unusable(target: Target) -> None:
    """Raise OutsideError where the target must not or cannot be written."""
    if target.externally_managed:
        raise OutsideError(
            "the operating system manages this Python's packages",
            code="externally-managed",
            causes=(f"{target.externally_managed} says so (PEP 668)",),
            hint="install into an environment of its own with `ipexenv install --venv DIR`",
        )
    if target.writable is False:
        raise OutsideError(
            "the environment cannot be written",
            code="not-writable",
            causes=(f"no files can be made in {target.site_packages or target.prefix}",),
            hint="correct its permissions, or install into an environment of its own with `ipexenv install --venv DIR`",
        )


def refuse_full_disk(need_bytes: int, place: Path) -> None:
    """Raise OutsideError where the disk has no room for what the wheels unpack to."""
    there = _existing(place)
    free_bytes = shutil.disk_usage(there).free
    if free_bytes >= need_bytes:
        return
    raise OutsideError(
        "there is not enough room on the disk",
        code="disk-full",
        causes=(
            f"the packages unpack to {need_bytes // _MB} MB",
            f"{there} has {free_bytes // _MB} MB left",
        ),
        hint="free some space, or install elsewhere with `--venv DIR`",
    )


def same_file_system(one: Path, other: Path) -> bool:
    """Say whether files can be linked from one place to the other, neither of which has to be there yet."""
    return _existing(one).stat().st_dev == _existing(other).stat().st_dev


def refuse_locked_folders(paths: Iterable[str]) -> None:
    """Raise OutsideError where a folder that has to change must not be written."""
    folders = {_nearest(folder) for folder in {os.path.dirname(path) for path in paths}}  # noqa: PTH120 (tens of thousands)
    closed = sorted(folder for folder in folders if not os.access(folder, os.W_OK | os.X_OK))
    if closed:
        more = f" and {len(closed) - 1} more" if len(closed) > 1 else ""
        raise OutsideError(
            "the environment cannot be written",
            code="not-writable",
            causes=(f"no files can be made in {closed[0]}{more}",),
            hint="correct its permissions, or install into an environment of its own with `ipexenv install --venv DIR`",
        )


def _existing(path: Path) -> Path:
    return next((folder for folder in (path, *path.parents) if folder.is_dir()), Path("/"))


def _nearest(folder: str) -> str:
    while not os.path.isdir(folder) and folder not in {"", "/"}:  # noqa: PTH112 (as above)
        folder = os.path.dirname(folder)  # noqa: PTH120 (as above)
    return folder
