"""actions/cache/restore and /save, played by a folder. Entries share their files with what they were made of, by links.

Source: the README files of actions/cache/restore and actions/cache/save: an entry belongs to its list of paths and is
never written twice; a prefix in ``restore-keys`` gets the newest entry that begins with it.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(kw_only=True)
class FolderCache:
    folder: Path
    told: list[str] = field(default_factory=list)
    """What it did, as ``saved KEY``."""

    def restore(self, given: Mapping[str, str]) -> dict[str, str]:
        """Return the step's outputs, and put the entry's paths in place."""
        assert set(given) <= {"path", "key", "restore-keys"}, f"this cache does not know {set(given)}"
        prefixes = [line.strip() for line in given.get("restore-keys", "").splitlines() if line.strip()]
        found = self._find(given["path"], given["key"], prefixes)
        self.told.append(f"restored {found}" if found else "restored nothing")
        if found is None:
            return {"cache-primary-key": given["key"], "cache-matched-key": "", "cache-hit": ""}
        for number, path in enumerate(_paths(given["path"])):
            entry = self.folder / found / str(number)
            if entry.exists():
                _copy(entry, Path(path))
        hit = "true" if found == given["key"] else "false"
        return {"cache-primary-key": given["key"], "cache-matched-key": found, "cache-hit": hit}

    def save(self, given: Mapping[str, str]) -> dict[str, str]:
        assert set(given) == {"path", "key"}, f"this cache does not know {set(given)}"
        key = given["key"]
        assert len(key) <= 512, "GitHub takes no longer key"
        assert "," not in key, "GitHub takes no comma in a key"
        entry = self.folder / key
        if entry.exists():
            self.told.append(f"kept {key}")
            return {}
        before = len(self.entries())
        entry.mkdir(parents=True)
        for number, path in enumerate(_paths(given["path"])):
            if Path(path).exists():
                _copy(Path(path), entry / str(number))
        (entry / "entry.json").write_text(json.dumps({"paths": given["path"], "number": before}))
        self.told.append(f"saved {key}")
        return {}

    def entries(self) -> list[Path]:
        """Return the folders of all entries, newest first."""
        folders = self.folder.iterdir() if self.folder.exists() else ()
        return sorted(folders, key=lambda entry: -int(_about(entry)["number"]))

    def _find(self, paths: str, key: str, prefixes: list[str]) -> str | None:
        names = [entry.name for entry in self.entries() if _about(entry)["paths"] == paths]
        if key in names:
            return key
        return next((name for prefix in prefixes for name in names if name.startswith(prefix)), None)


def _about(entry: Path) -> dict[str, str]:
    found: dict[str, str] = json.loads((entry / "entry.json").read_text("utf-8"))
    return found


def _paths(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, symlinks=True, copy_function=_link, dirs_exist_ok=True)
    else:
        _link(str(source), str(target))


def _link(source: str, target: str) -> None:
    """Like an unpacked archive the new file takes the place of an old one; nobody writes into a file that is there."""
    Path(target).unlink(missing_ok=True)
    if Path(source).is_symlink():
        Path(target).symlink_to(os.readlink(source))  # noqa: PTH115 (a text, not a path)
    else:
        os.link(source, target)
