"""Refuse before anything is changed."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from ipexenv.errors import OutsideError

if TYPE_CHECKING:
    from ipexenv.facts import Target
    from ipexenv.plan import Plan

_ROOM_FACTOR = 3
"""The download, what it unpacks to (about twice its size), side by side for a while."""
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


def refuse_full_disk(plan: Plan, prefix: str | None) -> None:
    """Raise OutsideError where the disk has clearly no room for the files whose size is known."""
    place = _existing(Path(plan.venv or prefix or "/"))
    need_bytes = plan.download_bytes * _ROOM_FACTOR
    free_bytes = shutil.disk_usage(place).free
    if free_bytes >= need_bytes:
        return
    raise OutsideError(
        "there is not enough room on the disk",
        code="disk-full",
        causes=(
            f"about {need_bytes // _MB} MB are needed to download and unpack",
            f"{place} has {free_bytes // _MB} MB left",
        ),
        hint="free some space, or install elsewhere with `--venv DIR`",
    )


def _existing(path: Path) -> Path:
    return next((folder for folder in (path, *path.parents) if folder.is_dir()), Path("/"))
