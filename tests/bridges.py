"""Small wheels that play what the bridge is made from, and the table row that names them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING

from ipexenv.tables.load import load_releases
from tests.wheels import build_wheel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ipexenv.tables.bridge import BridgeFile, BridgePart, BridgeRelease

TAG = "py2.py3-none-manylinux_2_28_x86_64"


def played_bridge(tables: Path, wheels: Path, *, revision: int = 1) -> BridgeRelease:
    """Write the parts of the newest bridge as fakes into ``wheels``, and their row into bridge.toml of ``tables``."""
    real = load_releases().bridge[-1]
    parts = tuple(_played(part, wheels) for part in real.parts)
    mpi = next((part for part in parts if part.project == real.mpi.project), real.mpi)
    release = replace(real, revision=revision, parts=parts, mpi=replace(mpi, files=()))
    (tables / "bridge.toml").write_text("\n".join(_rows(release)) + "\n", encoding="utf-8")
    return release


def _played(part: BridgePart, wheels: Path) -> BridgePart:
    contents = {file.path: f"FAKE made by ipexenv's tests for {file.to}\n" for file in part.files}
    name = part.project.replace("-", "_")
    wheel = build_wheel(wheels, name, str(part.version), TAG, files=contents)
    assert wheel.name == part.filename
    data = wheel.read_bytes()
    return replace(
        part,
        sha256=hashlib.sha256(data).hexdigest(),
        size_bytes=len(data),
        files=tuple(_as_written(file, contents[file.path].encode()) for file in part.files),
    )


def _as_written(file: BridgeFile, data: bytes) -> BridgeFile:
    return replace(file, sha256=hashlib.sha256(data).hexdigest(), size_bytes=len(data))


def _rows(release: BridgeRelease) -> Iterator[str]:
    texts = {"torch": release.torch, "python": release.python, "glibc": release.glibc, "platform": release.platform}
    yield from ("[[bridge]]", f"version = {_text(release.oneccl)}", f"revision = {release.revision}")
    yield from (f"{key} = {_text(value)}" for key, value in texts.items())
    yield from ('source = ["a test"]', 'confidence = "inferred"')
    for part in release.parts:
        yield from ("[[bridge.part]]", *_part(part))
        for file in part.files:
            yield from ("[[bridge.part.file]]", f"path = {_text(file.path)}", f"to = {_text(file.to)}", *_digest(file))
    yield from ("[bridge.mpi]", *_part(release.mpi))


def _part(part: BridgePart) -> Iterator[str]:
    for key, value in (("project", part.project), ("version", part.version), ("filename", part.filename)):
        yield f"{key} = {_text(value)}"
    yield from _digest(part)


def _digest(item: BridgePart | BridgeFile) -> Iterator[str]:
    yield from (f"sha256 = {_text(item.sha256)}", f"size_bytes = {item.size_bytes}")


def _text(value: object) -> str:
    return json.dumps(str(value))
