"""What pip and uv leave behind where they are cut off: packages half moved in or out, files half written.

pip moves a folder that goes to a name with ``~`` beside it, at any depth, and writes metadata as ``INSTALLERab12.tmp``
first; uv unpacks to ``.tmpAb12Cd``, and writes programs under such names as well.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_MOVED = "~"
_WRITTEN = ".tmp"
_UVS = re.compile(r"\.tmp[A-Za-z0-9]{6}")
_PACKAGES = frozenset({"site-packages", "dist-packages"})


def changing_folders(paths: Iterable[str], roots: Sequence[str]) -> tuple[str, ...]:
    """Return the folders that are there and may change with ``paths``: ``roots``, and those on the way to a path.

    What lies above a root is not among them: an environment's top, or ``/usr``, is nobody's to tidy.
    """
    above = {folder for root in roots for folder in _ancestors(root)}
    found = dict.fromkeys(root for root in roots if os.path.isdir(root))  # noqa: PTH112 (thousands of folders)
    seen: set[str] = set(found)
    for path in paths:
        folder = os.path.dirname(path)  # noqa: PTH120 (tens of thousands of paths)
        while folder not in seen and folder not in above and folder not in {"", "/"}:
            seen.add(folder)
            if os.path.isdir(folder):  # noqa: PTH112 (as above)
                found[folder] = None
            folder = os.path.dirname(folder)  # noqa: PTH120 (as above)
    return tuple(found)


def leftovers_in(folder: str) -> tuple[str, ...]:
    """Return the names in a folder that look like leftovers; what is half written counts among packages alone."""
    try:
        names = os.listdir(folder)  # noqa: PTH208 (names, not paths)
    except (FileNotFoundError, NotADirectoryError):
        return ()
    packages = not _PACKAGES.isdisjoint(folder.split("/"))
    return tuple(
        sorted(
            name
            for name in names
            if name.startswith(_MOVED)
            or _UVS.fullmatch(name)
            or (packages and (name.startswith(_WRITTEN) or name.endswith(_WRITTEN)))
        )
    )


def _ancestors(folder: str) -> Iterable[str]:
    while folder not in {"", "/"}:
        folder = os.path.dirname(folder)  # noqa: PTH120 (as above)
        yield folder
