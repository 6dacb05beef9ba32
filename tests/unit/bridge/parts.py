"""A bridge of small parts: fakes of true names, and the table's row for exactly them."""

from __future__ import annotations

import hashlib
import random
import zipfile
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from packaging.version import Version

from ipexenv.outcome import Offer
from ipexenv.tables.bridge import BridgeFile, BridgePart, BridgeRelease
from ipexenv.tables.load import load_tables

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

NOISE_BYTES = 400_000


def noise(seed: int, size_bytes: int) -> bytes:
    """Return bytes that no compressor makes smaller, the same for the same seed."""
    return random.Random(seed).randbytes(size_bytes)  # noqa: S311 (reproducible is what it has to be)


LIBRARY = b"FAKE library made by ipexenv's tests\n" + noise(1, 5000)
LICENCE = b"FAKE licence made by ipexenv's tests\n"


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def write_zip(path: Path, contents: Mapping[str, bytes], *, method: int = zipfile.ZIP_DEFLATED) -> Path:
    """Write a plain zip archive."""
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in contents.items():
            archive.writestr(zipfile.ZipInfo(name, date_time=(2020, 1, 1, 0, 0, 0)), content, method)
    return path


def file_of(path: str, to: str, content: bytes) -> BridgeFile:
    return BridgeFile(path=path, to=to, sha256=sha256(content), size_bytes=len(content))


@dataclass(frozen=True, kw_only=True)
class Small:
    """A release of the bridge that is made of one small wheel."""

    wheel: Path
    release: BridgeRelease

    @property
    def part(self) -> BridgePart:
        return self.release.parts[0]

    def offer(self, url: str | None = None, *, source: str = "index", sha256: str | None = None) -> Offer:
        return Offer(
            project=self.part.project,
            version=self.part.version,
            filename=self.part.filename,
            url=url or self.wheel.as_uri(),
            source=source,
            sha256=sha256,
        )


def small(folder: Path) -> Small:
    """Write a wheel with a library, a licence and much that is not wanted; return the bridge that is made of it."""
    contents = {
        "data/huge.so": noise(2, NOISE_BYTES),
        "data/lib/libccl.so.1": LIBRARY,
        "data/more.so": noise(3, NOISE_BYTES),
        "data/license.txt": LICENCE,
        "data/end.so": noise(4, NOISE_BYTES),
    }
    wheel = write_zip(folder / "oneccl_cpu-2022.2.0-py2.py3-none-manylinux_2_28_x86_64.whl", contents)
    part = BridgePart(
        project="oneccl-cpu",
        version=Version("2022.2.0"),
        filename=wheel.name,
        sha256=sha256(wheel.read_bytes()),
        size_bytes=wheel.stat().st_size,
        files=(
            file_of("data/lib/libccl.so.1", "lib/libccl.so.1", LIBRARY),
            file_of("data/license.txt", "licenses/oneccl/license.txt", LICENCE),
        ),
    )
    return Small(wheel=wheel, release=replace(load_tables().bridge[0], parts=(part,)))
