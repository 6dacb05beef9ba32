"""Folders of files as plain data, to compare what was with what is."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

Tree = dict[str, bytes | str | None]
"""Path below the top -> contents of a file, ``-> target`` of a link, None for a folder."""


def read_tree(top: Path) -> Tree:
    found: Tree = {}
    for path in sorted(top.rglob("*")):
        name = str(path.relative_to(top))
        if path.is_symlink():
            found[name] = f"-> {path.readlink()}"
        else:
            found[name] = None if path.is_dir() else path.read_bytes()
    return found


def write_tree(top: Path, tree: Tree) -> None:
    """Write files as engines do: a file that is there is replaced, not written into."""
    for name, contents in tree.items():
        path = top / name
        if contents is None:
            path.mkdir(parents=True, exist_ok=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        if os.path.lexists(path):
            path.unlink()
        if isinstance(contents, str):
            path.symlink_to(contents.removeprefix("-> "))
        else:
            path.write_bytes(contents)
