"""Releases of the bridge: which files of which wheels of Intel's oneCCL make one. Pure: no file is opened here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import Version

from ipexenv.reading import Reader
from ipexenv.tables.releases import Provenance, read_provenance

if TYPE_CHECKING:
    from collections.abc import Mapping

    from packaging.specifiers import SpecifierSet

BRIDGE_PROJECT = "ipexenv-oneccl-bridge"
"""Distribution name of the wheel that ipexenv makes in the target's stead of Intel's bindings."""

BRIDGE_MODULE = "oneccl_bindings_for_pytorch"
"""What it is imported as: the name that scripts and libraries know."""

STAND_IN = "oneccl_bind_pt"
"""The distribution that transformers and accelerate look for; the bridge's wheel brings metadata of this name."""

LOCAL_MARK = "ipexenv.bridge"
"""How the local version label of the bridge, and of the metadata that libraries look for, begins."""

_SHA256 = re.compile(r"[0-9a-f]{64}")
_PLATFORM = re.compile(r"[a-z0-9_]+")
_PLACE = re.compile(r"(?:lib|licenses)(?:/[A-Za-z0-9._+-]+)+")


@dataclass(frozen=True, kw_only=True, slots=True)
class BridgeFile:
    """One file to take out of a wheel."""

    path: str
    """Inside the wheel."""
    to: str
    """Below the folder of the bridge's package, as ``lib/libccl.so.2``."""
    sha256: str
    size_bytes: int


@dataclass(frozen=True, kw_only=True, slots=True)
class BridgePart:
    """One wheel that the bridge takes files from; exactly this file is meant, wherever it is served."""

    project: str
    """Distribution name, normalised."""
    version: Version
    filename: str
    sha256: str
    size_bytes: int
    files: tuple[BridgeFile, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class BridgeRelease:
    """One bridge: a oneCCL, and ipexenv's own payload over it."""

    oneccl: Version
    revision: int
    """Counts the changes of the payload, so that an installed bridge can be seen to be an older one."""
    payload_sha256: str | None
    """Of the payload that this revision is; the tests compare it with the files, so that none changes unseen."""
    torch: SpecifierSet
    python: SpecifierSet
    glibc: Version
    """Oldest C library that the wheels' tags allow."""
    platform: str
    """Platform tag of the wheel, as ``manylinux_2_28_x86_64``."""
    parts: tuple[BridgePart, ...]
    mpi: BridgePart
    """The wheel with Intel MPI's launcher, for ``--mpi``: installed as it is, beside the bridge."""
    provenance: Provenance

    @property
    def version(self) -> Version:
        """Return the version of the wheel, as ``2022.2.0+ipexenv.bridge.1``."""
        return Version(f"{self.oneccl}+{LOCAL_MARK}.{self.revision}")

    @property
    def filename(self) -> str:
        """Return the name of the wheel."""
        return f"{BRIDGE_PROJECT.replace('-', '_')}-{self.version}-py3-none-{self.platform}.whl"

    @property
    def platforms(self) -> tuple[str, ...]:
        """Return the platform tags, as the other releases have them."""
        return (self.platform,)

    @property
    def projects(self) -> tuple[str, ...]:
        """Return the projects whose wheels have to be found at a source."""
        return tuple(part.project for part in self.parts)

    @classmethod
    def from_mapping(cls, row: Mapping[str, Any], *, where: str) -> BridgeRelease:
        """Read one ``[[bridge]]`` row; raise MalformedError that names the bad key."""
        reader = Reader(row, where=where)
        release = cls(
            oneccl=reader.version("version"),
            revision=reader.integer("revision"),
            payload_sha256=_sha256(reader, "payload_sha256") if "payload_sha256" in row else None,
            torch=reader.specifier("torch"),
            python=reader.specifier("python"),
            glibc=reader.version("glibc"),
            platform=reader.text("platform"),
            parts=tuple(_part(part, where=where) for part in reader.rows("part")),
            mpi=_part(reader.table("mpi"), where=f"{where}, mpi"),
            provenance=read_provenance(reader),
        )
        reader.finish()
        _check(release, row, reader)
        return release


def is_bridge(version: Version) -> bool:
    """Say whether a version of ``oneccl_bind_pt`` or of the wheel itself is the bridge's and not Intel's."""
    return (version.local or "").startswith(LOCAL_MARK)


def _check(release: BridgeRelease, row: Mapping[str, Any], reader: Reader) -> None:
    """Raise MalformedError for what no wheel could be made of."""
    if release.revision < 1:
        raise reader.wrong("revision", release.revision, "a number from 1 on")
    if not _PLATFORM.fullmatch(release.platform):
        raise reader.wrong("platform", release.platform, "a platform tag such as 'manylinux_2_28_x86_64'")
    if not release.parts:
        raise reader.wrong("part", row.get("part"), "the wheels that the bridge is made of")
    places = [file.to for part in release.parts for file in part.files]
    twice = sorted({place for place in places if places.count(place) > 1})
    if twice:
        raise reader.wrong("to", twice[0], "a place that no other file has")


def _part(row: Mapping[str, Any], *, where: str) -> BridgePart:
    reader = Reader(row, where=f"{where}, {row.get('filename', 'a part')}")
    part = BridgePart(
        project=canonicalize_name(reader.text("project")),
        version=reader.version("version"),
        filename=reader.text("filename"),
        sha256=_sha256(reader),
        size_bytes=_size_bytes(reader),
        files=tuple(_file(file, where=reader.where) for file in reader.rows("file", ())),
    )
    reader.finish()
    try:
        named = parse_wheel_filename(part.filename)[:2]
    except InvalidWheelFilename:
        named = None
    if named != (part.project, part.version):
        raise reader.wrong("filename", part.filename, f"the name of a wheel of {part.project} {part.version}")
    return part


def _file(row: Mapping[str, Any], *, where: str) -> BridgeFile:
    reader = Reader(row, where=f"{where}, {row.get('path', 'a file')}")
    file = BridgeFile(
        path=reader.text("path"), to=reader.text("to"), sha256=_sha256(reader), size_bytes=_size_bytes(reader)
    )
    reader.finish()
    if not _PLACE.fullmatch(file.to) or {".", ".."} & set(file.to.split("/")):
        raise reader.wrong("to", file.to, "a place below lib/ or licenses/")
    return file


def _size_bytes(reader: Reader) -> int:
    size_bytes = reader.integer("size_bytes")
    if size_bytes < 1:
        raise reader.wrong("size_bytes", size_bytes, "a number of bytes")
    return size_bytes


def _sha256(reader: Reader, key: str = "sha256") -> str:
    text = reader.text(key)
    if not _SHA256.fullmatch(text):
        raise reader.wrong(key, text, "64 lower-case hexadecimal digits")
    return text
