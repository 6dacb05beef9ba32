"""The environment's place on disk: whose it is, whether what lies there may be used, and how it is made anew."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ipexenv.ci.key import digest_in
from ipexenv.ci.tree import UntrustworthyError
from ipexenv.ci.trust import Manifest, check_files, read_manifest
from ipexenv.errors import OutsideError, UsageError
from ipexenv.transaction.state import FOLDER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ipexenv.ci.inputs import CiInputs

_MARK = "made-by-ci"


class NoneThereError(UntrustworthyError):
    """There is no environment of this key, which is no sign of harm."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where the environment and its manifest lie."""

    venv: Path
    """Absolute."""
    manifest: Path
    stored_as: str = ""
    """Name of the cache's entry that was put there before; empty where none was, or nobody tells."""
    is_named: bool = False
    """Whether the user named the folder."""

    @property
    def is_ours(self) -> bool:
        """Say whether what lies there may be thrown away: never what the user may have made."""
        own = not self.is_named or bool(self.stored_as) or (self.venv / FOLDER / _MARK).exists()
        return own or not os.path.lexists(self.venv)

    def refuse_dangerous(self, directory: Path) -> None:
        """Raise UsageError where the environment would hold the project that it is for."""
        if self.is_named and (self.venv == directory or self.venv in directory.parents):
            raise UsageError(
                f"the input venv cannot be {str(self.venv)!r}",
                code="bad-input",
                causes=(f"it holds {directory}, where the step works",),
                hint="`venv: .venv`",
            )


def place_of(inputs: CiInputs, folder: Path, directory: Path, *, stored_as: str) -> Place:
    """Return where the environment is that ``inputs`` ask for; relative names begin in ``directory``.

    Raises UsageError where it would hold that folder.
    """
    venv = Path(os.path.normpath(directory / Path(inputs.venv).expanduser()))
    place = Place(venv=venv, manifest=folder / "manifest.json", stored_as=stored_as, is_named=inputs.venv_is_named)
    place.refuse_dangerous(directory)
    return place


def reuse(place: Place, key: str) -> Manifest:
    """Return the manifest of an environment that may be used as it is.

    Raises NoneThereError where there is none or one of another key, UntrustworthyError where it is not as it was.
    """
    if not place.venv.is_dir() and not os.path.lexists(place.manifest):
        raise NoneThereError("there is none for this key")
    digest = digest_in(place.stored_as, key) if place.stored_as else None
    if place.stored_as and digest is None:
        raise UntrustworthyError(f"the entry {place.stored_as} has another key")
    manifest = read_manifest(place.manifest, digest=digest)
    if manifest.key != key:
        raise NoneThereError("it was made for another key")
    check_files(place.venv, manifest)
    return manifest


def clear(place: Place) -> None:
    """Take away what lies there, the manifest first, and mark the folder as one that may be taken away again.

    Raises OutsideError where that cannot be done.
    """
    try:
        place.manifest.unlink(missing_ok=True)
        if place.venv.is_symlink() or place.venv.is_file():
            place.venv.unlink()
        elif place.venv.exists():
            shutil.rmtree(place.venv)
        (place.venv / FOLDER).mkdir(parents=True)
        (place.venv / FOLDER / _MARK).touch()
    except OSError as error:
        raise OutsideError(
            f"{error.filename or place.venv} cannot be made anew: {error.strerror or error}",
            code="cannot-clear",
            hint="take another folder with the input `venv`, or make room on the disk",
        ) from None


def keep(place: Place, key: str, answer: Mapping[str, Any]) -> str:
    """Write the manifest of an environment that is complete, and return its SHA-256.

    Raises OSError or UntrustworthyError where there is no manifest then: the environment itself is as good as it was.
    """
    return Manifest.of(place.venv, key=key, answer=answer).write(place.manifest)
