"""Where members of a wheel would be installed, and which names must not be. Pure."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from ipexenv.fetch.unsound import UnsoundError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from packaging.utils import NormalizedName

    from ipexenv.fetch.archive import Member

Scheme = Literal["purelib", "platlib", "scripts", "headers", "data"]
_SCHEMES: tuple[Scheme, ...] = ("purelib", "platlib", "scripts", "headers", "data")
_DRIVE = re.compile(r"[A-Za-z]:")
_MOST_NAME_BYTES, _MOST_PATH_BYTES = 255, 2048
"""NAME_MAX, and what leaves room for the environment's own path below PATH_MAX."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Destination:
    """Where one file goes."""

    scheme: Scheme
    path: str
    """Below the folder of the scheme, with slashes."""


def check_names(members: Iterable[Member]) -> None:
    """Raise UnsoundError for names that lead elsewhere, or that some file system takes for one and the same."""
    files: dict[str, str] = {}
    folders: dict[str, str] = {}
    for member in members:
        check_path(member.name.removesuffix("/"))
        key = _folded(member.name.removesuffix("/"))
        if not member.is_folder:
            if key in files:
                raise UnsoundError(_same_name(member.name, files[key]))
            files[key] = member.name
        parts = key.split("/")
        for count in range(1, len(parts) + member.is_folder):
            folders.setdefault("/".join(parts[:count]), member.name)
    for key in files.keys() & folders.keys():
        raise UnsoundError(f"{files[key]} is a file, and {folders[key]} takes it for a folder")


def _same_name(name: str, other: str) -> str:
    if name == other:
        return f"{name} is there twice"
    return f"{name} and {other} are one file where case does not count"


def check_path(path: str) -> None:
    """Raise UnsoundError unless ``path`` stays below the folder that it is put into, on every system."""
    if path.startswith("/") or _DRIVE.match(path):
        raise UnsoundError(f"{path} is an absolute path")
    if "\\" in path:
        raise UnsoundError(f"{path} holds a backslash, which is a slash elsewhere")
    parts = path.split("/")
    if not {"", ".", ".."}.isdisjoint(parts):
        raise UnsoundError(f"{path or 'a nameless member'} leads out of its folder, or in circles")
    if not path.isprintable():
        raise UnsoundError(f"{path!r} holds control characters")
    try:
        too_long = len(path.encode()) > _MOST_PATH_BYTES or any(len(p.encode()) > _MOST_NAME_BYTES for p in parts)
    except UnicodeEncodeError:
        raise UnsoundError(f"{path!r} is not text") from None
    if too_long:
        raise UnsoundError(f"a path of {len(path.encode())} bytes is too long: {path}")


def info_folder(members: Iterable[Member], project: NormalizedName, version: Version) -> str:
    """Return the name of the wheel's one ``.dist-info`` folder; or raise UnsoundError."""
    found = {member.name.partition("/")[0] for member in members if "/" in member.name}
    folders = sorted(name for name in found if name.endswith(".dist-info"))
    if len(folders) != 1:
        listed = f": {', '.join(folders)}" if folders else ""
        raise UnsoundError(f"it has {len(folders)} .dist-info folders, and must have one{listed}")
    if not _belongs(folders[0].removesuffix(".dist-info"), project, version):
        raise UnsoundError(f"{folders[0]} is not of {project} {version}")
    return folders[0]


def destination(
    name: str, *, project: NormalizedName, version: Version, purelib: bool, foreign_metadata: bool
) -> Destination:
    """Return where a file goes. Raises UnsoundError for what no installer knows a place for.

    Metadata of another distribution, put in by way of ``.data``, would make pip believe in what is not there; it is
    refused unless ``foreign_metadata``.
    """
    top, _, rest = name.partition("/")
    if not top.endswith(".data") or not rest:
        return Destination(scheme="purelib" if purelib else "platlib", path=name)
    if not _belongs(top.removesuffix(".data"), project, version):
        raise UnsoundError(f"{top} is not of {project} {version}")
    scheme, _, path = rest.partition("/")
    for known in _SCHEMES:
        if scheme == known and path:
            _refuse_metadata(known, path, foreign_metadata=foreign_metadata)
            return Destination(scheme=known, path=path)
    raise UnsoundError(f"{name} is of no known installation scheme")


def check_destinations(destinations: Iterable[Destination]) -> None:
    """Raise UnsoundError where two files would be installed as one: purelib and platlib are mostly one folder."""
    seen: set[tuple[str, str]] = set()
    for one in destinations:
        key = ("lib" if one.scheme.endswith("lib") else one.scheme, _folded(one.path))
        if key in seen:
            raise UnsoundError(f"{one.path} would be installed twice")
        seen.add(key)


def _refuse_metadata(scheme: Scheme, path: str, *, foreign_metadata: bool) -> None:
    if scheme == "scripts" and "/" in path:
        raise UnsoundError(f"the script {path} lies in a folder")
    if foreign_metadata:
        return
    folders = path.lower().split("/")[:-1]
    for folder in folders[:1] if scheme.endswith("lib") else folders:  # packages may bring others' along, vendored
        if folder.endswith((".dist-info", ".egg-info")):
            raise UnsoundError(f"it would install metadata of another distribution: {path}")


def _belongs(name: str, project: NormalizedName, version: Version) -> bool:
    own_name, separator, own_version = name.rpartition("-")
    try:
        return bool(separator) and canonicalize_name(own_name) == project and Version(own_version) == version
    except InvalidVersion:
        return False


def _folded(path: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", path).casefold())
