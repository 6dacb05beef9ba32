"""What Git's own files say of a repository; no command is run, and nothing but names is read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ipexenv.system.files import read_text

if TYPE_CHECKING:
    from pathlib import Path

_HEAD = re.compile(r"ref: refs/(?:heads|remotes/origin)/(.+)")
_URL = re.compile(r'^\[remote "origin"\]\s*(?:\n[ \t].*)*?\n[ \t]+url[ \t]*=[ \t]*(\S+)', re.MULTILINE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Repository:
    """The repository that a folder lies in."""

    top: Path
    """Its work tree."""
    branch: str | None
    """The default branch of its origin; of a repository that was never cloned, the branch that is checked out."""
    name: str | None
    """The last part of origin's address."""


def find_repository(folder: Path) -> Repository | None:
    """Return the repository around ``folder``; None where there is none."""
    for top in (folder, *folder.parents):
        data = _data_folder(top)
        if data is not None:
            return Repository(top=top, branch=_branch(data), name=_name(data))
    return None


def _data_folder(top: Path) -> Path | None:
    """Return the folder with Git's data; in further work trees and submodules ``.git`` is a file that names it."""
    git = top / ".git"
    if (git / "HEAD").is_file():
        return git
    named = (read_text(str(git)) or "") if git.is_file() else ""
    return top / named.removeprefix("gitdir: ") if named.startswith("gitdir: ") else None


def _branch(data: Path) -> str | None:
    common = _common(data)
    for file in (common / "refs" / "remotes" / "origin" / "HEAD", common / "HEAD", data / "HEAD"):
        found = _HEAD.fullmatch(read_text(str(file)) or "")
        if found:
            return found[1]
    return None


def _name(data: Path) -> str | None:
    found = _URL.search(read_text(str(_common(data) / "config")) or "")
    return re.split(r"[/:]", found[1].rstrip("/").removesuffix(".git"))[-1] or None if found else None


def _common(data: Path) -> Path:
    """Return where the data of all work trees lie."""
    return data / (read_text(str(data / "commondir")) or ".")
