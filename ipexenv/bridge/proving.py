"""Prove that a bridge's wheel, wherever it is from, is the one that would be made here."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ipexenv.bridge.archive import WrongFileError, take_out
from ipexenv.bridge.contents import contents, info_folder
from ipexenv.bridge.own_files import BACKEND, own_files
from ipexenv.bridge.wheel_file import write_wheel
from ipexenv.errors import OutsideError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ipexenv.tables.bridge import BridgeRelease


def refuse_foreign_bridge(wheel: Path, releases: Iterable[BridgeRelease]) -> None:
    """Raise OutsideError unless the wheel is, byte for byte, what making one of ``releases`` would give.

    Intel's files are taken out of it, each by the SHA-256 that the table has, and the wheel is made anew around them
    with ipexenv's own: nothing has to be fetched for that.
    """
    release = next((release for release in releases if release.filename == wheel.name), None)
    if release is None:
        raise _foreign(wheel, "the tables know no bridge of this name")
    files = [replace(file, path=f"{BACKEND}/{file.to}") for part in release.parts for file in part.files]
    try:
        with wheel.open("rb") as archive:
            taken = take_out(archive, files)
        with tempfile.TemporaryDirectory(prefix="bridge-") as folder:
            again = Path(folder) / wheel.name
            write_wheel(again, contents(release, own_files(release.version), taken), info=info_folder(release))
            same = again.read_bytes() == wheel.read_bytes()
    except WrongFileError as error:
        raise _foreign(wheel, str(error)) from None
    except OSError as error:
        raise _foreign(wheel, f"it cannot be compared: {error.strerror or error}") from None
    if not same:
        raise _foreign(wheel, "Intel's files in it are the published ones, and the rest is not what this ipexenv makes")


def is_own_bridge(wheel: Path, releases: Iterable[BridgeRelease]) -> bool:
    """Say whether ``refuse_foreign_bridge`` would let the wheel pass."""
    try:
        refuse_foreign_bridge(wheel, releases)
    except OutsideError:
        return False
    return True


def _foreign(wheel: Path, cause: str) -> OutsideError:
    return OutsideError(
        f"{wheel.name} is not the bridge that ipexenv makes",
        code="wrong-file",
        causes=(cause, "--require-known was given", "nothing was changed"),
        hint="fill the folder again with `ipexenv wheelhouse DIR` of this ipexenv, or leave out `--require-known`",
        data={"changed": False},
    )
