"""What stands beside the wheels: pages, sums and metadata, and last of all the lock."""

from __future__ import annotations

import hashlib
import re
import zipfile
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from ipexenv.errors import OutsideError
from ipexenv.lock.names import LOCK_NAME
from ipexenv.lock.writing import lock_text
from ipexenv.system.writing import write_atomically
from ipexenv.wheelhouse.pages import pages, sums_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ipexenv.lock.model import Lock
    from ipexenv.ruling import Offer

SUMS_NAME = "SHA256SUMS"
_INSIDE = re.compile(r"[^/]+\.dist-info/METADATA")
_MAX_METADATA_BYTES = 16 << 20


def write_manifest(lock: Lock, files: Sequence[Offer], folder: Path) -> tuple[str, ...]:
    """Write what is not there yet, or says something else, and return the names.

    ``lock`` names its files in ``folder``. Raises OutsideError for a file that is no wheel, OSError where something
    cannot be written.
    """
    found = {file.filename: _metadata(folder / file.filename) for file in files}
    metadata = {name: text for name, text in found.items() if text is not None}
    texts = {f"{name}.metadata": text for name, text in metadata.items()}
    texts |= pages(files, {name: hashlib.sha256(text.encode()).hexdigest() for name, text in metadata.items()})
    texts[SUMS_NAME] = sums_text(files)
    texts[LOCK_NAME] = lock_text(lock, folder=PurePosixPath(folder))
    return tuple(name for name, text in texts.items() if _written(folder / name, text))


def _written(path: Path, text: str) -> bool:
    if path.is_file() and path.read_bytes() == text.encode():
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, text)
    return True


def _metadata(wheel: Path) -> str | None:
    """Return the METADATA of a wheel, None where it is no UTF-8, or huge: whoever needs it then reads the wheel."""
    project = canonicalize_name(wheel.name.split("-")[0])
    try:
        with zipfile.ZipFile(wheel) as archive:
            names = (name for name in archive.namelist() if _INSIDE.fullmatch(name))
            name = next(name for name in names if canonicalize_name(name.split("-")[0]) == project)
            return archive.read(name).decode() if archive.getinfo(name).file_size < _MAX_METADATA_BYTES else None
    except UnicodeDecodeError:
        return None
    except (zipfile.BadZipFile, StopIteration, NotImplementedError, RuntimeError, ValueError):
        raise OutsideError(
            f"{wheel.name} is no wheel",
            code="bad-wheel",
            causes=("it has the SHA-256 that was expected, and no METADATA can be read in it",),
            hint="lock it anew from another source",
        ) from None
