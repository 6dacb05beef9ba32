"""The manifest of an environment: what every file of it was when it was made, and whether that is still so.

A restored environment is used only when nothing is missing, changed or more. One thing differs on purpose: byte code in
``__pycache__`` that is new or changed is removed. Python makes it anew by itself, so it is no sign of anything, and it
is never believed.

The manifest is removed before an environment is changed and written, whole, when all is done: one that was cut off has
none. The tree is walked and the manifest is looked up, never the other way: its paths are opened by nobody.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ipexenv.ci.tree import File, UntrustworthyError, digests, files_below
from ipexenv.system.writing import write_atomically

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MANIFEST_FORMAT = 1
_MOST_BYTES = 1 << 28
_FOR_OTHERS = 0o022
"""Permissions that a restored file may have less of (umask), never more."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Manifest:
    """What is known of an environment that was made whole."""

    key: str
    files: Mapping[str, tuple[str, int, int]]
    """By path below the environment: SHA-256 (of a symbolic link ``-> target``), size in bytes, permissions."""
    answer: Mapping[str, Any]
    """What ``ipexenv install`` answered when it was made."""

    @classmethod
    def of(cls, venv: Path, *, key: str, answer: Mapping[str, Any]) -> Manifest:
        """Read every file of ``venv``. Raises OSError, and UntrustworthyError for what no cache should hold."""
        return cls(key=key, files=digests(venv, list(files_below(venv))), answer=answer)

    def write(self, file: Path) -> str:
        """Write it in one step and return the SHA-256 of its bytes. Raises OSError."""
        document = {"format": MANIFEST_FORMAT, "key": self.key, "answer": self.answer, "files": self.files}
        text = json.dumps(document, separators=(",", ":")) + "\n"
        write_atomically(file, text)
        return hashlib.sha256(text.encode("utf-8")).hexdigest()


def read_manifest(file: Path, *, digest: str | None = None) -> Manifest:
    """Return the manifest in ``file``; ``digest`` is what its SHA-256 has to be, where somebody knows.

    Raises UntrustworthyError where it is not there, not readable, another one, or names paths that lead elsewhere.
    """
    try:
        with file.open("rb") as stream:
            data = stream.read(_MOST_BYTES)
    except OSError as error:
        raise UntrustworthyError(f"the manifest cannot be read: {error.strerror or error}") from None
    if digest is not None and hashlib.sha256(data).hexdigest() != digest:
        raise UntrustworthyError("the manifest is not the one that the entry was stored with")
    try:
        document = json.loads(data)
        if document["format"] != MANIFEST_FORMAT:
            raise UntrustworthyError(f"the manifest has the format {document['format']!r}")
        files = {_checked(name): _entry(row) for name, row in document["files"].items()}
        answer = document["answer"]
        if not isinstance(answer["data"], dict):
            raise UntrustworthyError("the manifest says nothing of what was installed")
        return Manifest(key=str(document["key"]), files=files, answer=answer)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UntrustworthyError(f"the manifest cannot be understood ({type(error).__name__})") from None


def check_files(venv: Path, manifest: Manifest) -> None:
    """Compare every file with the manifest, by size and permissions first, then by SHA-256.

    Byte code that is new or changed is removed. Raises UntrustworthyError that names the first file that is missing,
    changed or more, or what cannot be read; ``venv`` has to be a folder itself, not a link to one.
    """
    if venv.is_symlink() or not venv.is_dir():
        raise UntrustworthyError(f"{venv} is no folder")
    try:
        found = list(files_below(venv))
        _refuse_other_shapes(found, manifest)
        hashed = digests(venv, found)
    except OSError as error:
        raise UntrustworthyError(f"{error.filename} cannot be read: {error.strerror}") from None
    for file in found:
        recorded = manifest.files.get(file.name)
        if recorded is None or recorded[0] != hashed[file.name][0]:
            if not file.is_byte_code:
                raise UntrustworthyError(f"{file.name} was changed")
            (venv / file.name).unlink()


def _refuse_other_shapes(found: list[File], manifest: Manifest) -> None:
    for file in found:
        recorded = manifest.files.get(file.name)
        if file.is_byte_code:
            continue
        if recorded is None:
            raise UntrustworthyError(f"{file.name} is not in the manifest")
        if recorded[1] != file.size_bytes or not _is_mode(file.mode, recorded[2]):
            raise UntrustworthyError(f"{file.name} was changed")
    there = {file.name for file in found}
    byte_code = ("__pycache__/", ".pyc")
    missing = [n for n in manifest.files if n not in there and not (byte_code[0] in n and n.endswith(byte_code[1]))]
    if missing:
        raise UntrustworthyError(f"{missing[0]} is missing")


def _is_mode(found: int, recorded: int) -> bool:
    return found & ~0o077 == recorded & ~0o077 and not found & _FOR_OTHERS & ~recorded


def _checked(name: object) -> str:
    parts = name.split("/") if isinstance(name, str) else [""]
    if any(part in {"", ".", ".."} for part in parts) or "\0" in str(name):
        raise UntrustworthyError(f"the manifest names {name!r}, which is no path below an environment")
    return str(name)


def _entry(row: Any) -> tuple[str, int, int]:  # noqa: ANN401 (what JSON holds)
    digest, size_bytes, mode = row
    if not (isinstance(digest, str) and type(size_bytes) is int and type(mode) is int):
        raise TypeError
    return digest, size_bytes, mode
