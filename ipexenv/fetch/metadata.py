"""Read what a wheel says of itself: METADATA, WHEEL and entry_points.txt. Pure; all of it is outside text."""

from __future__ import annotations

import configparser
from dataclasses import dataclass
from email.errors import MessageError
from email.parser import BytesParser
from email.policy import compat32
from typing import TYPE_CHECKING

from packaging.tags import parse_tag
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from ipexenv.fetch.paths import check_path
from ipexenv.fetch.unsound import UnsoundError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import Message

    from packaging.tags import Tag
    from packaging.utils import NormalizedName

_SCRIPTS = frozenset({"console_scripts", "gui_scripts"})
_KNOWN_WHEEL_MAJOR = "1"


@dataclass(frozen=True, kw_only=True, slots=True)
class EntryPoint:
    """One line of ``entry_points.txt``."""

    group: str
    name: str
    value: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Metadata:
    """What ``METADATA`` says."""

    project: NormalizedName
    version: Version
    requires: tuple[str, ...]
    """``Requires-Dist`` lines as they stand."""
    requires_python: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class WheelFile:
    """What ``WHEEL`` says."""

    purelib: bool
    tags: frozenset[Tag]


def read_metadata(raw: bytes) -> Metadata:
    """Read ``METADATA``; raise UnsoundError where it does not name one distribution."""
    headers = _headers(raw, "METADATA")
    version = _one(headers, "METADATA", "Version")
    try:
        parsed = Version(version)
    except InvalidVersion:
        raise UnsoundError(f"its METADATA has version {version!r}, which is none") from None
    python = headers.get("Requires-Python")
    return Metadata(
        project=canonicalize_name(_one(headers, "METADATA", "Name")),
        version=parsed,
        requires=tuple(str(line) for line in headers.get_all("Requires-Dist", [])),
        requires_python=None if python is None else str(python),
    )


def read_wheel_file(raw: bytes) -> WheelFile:
    """Read ``WHEEL``; raise UnsoundError for another major version than 1 and for what makes no sense."""
    headers = _headers(raw, "WHEEL")
    version = _one(headers, "WHEEL", "Wheel-Version")
    if version.partition(".")[0] != _KNOWN_WHEEL_MAJOR:
        raise UnsoundError(f"it is of wheel version {version!r}, and only 1.* is known")
    pure = _one(headers, "WHEEL", "Root-Is-Purelib").lower()
    if pure not in {"true", "false"}:
        raise UnsoundError(f"its WHEEL has Root-Is-Purelib {pure!r}")
    lines = [str(line).strip() for line in headers.get_all("Tag", [])]
    try:
        tags = frozenset(tag for line in lines for tag in parse_tag(line))
    except ValueError:
        raise UnsoundError(f"its WHEEL has tags that are none: {', '.join(lines)}") from None
    return WheelFile(purelib=pure == "true", tags=tags)


def check_tags(inside: frozenset[Tag], outside: frozenset[Tag]) -> None:
    """Raise UnsoundError where ``WHEEL`` names other tags than the file name.

    One difference is let pass, because released wheels of torch 1.* and of IPEX have it: built as ``linux_x86_64`` and
    then named ``manylinux…_x86_64``.
    """
    if inside == outside:
        return
    if {(tag.interpreter, tag.abi, _family(tag)) for tag in inside} == {
        (tag.interpreter, tag.abi, _family(tag)) for tag in outside
    } and all(tag.platform.startswith("linux_") for tag in inside - outside):
        return
    raise UnsoundError(f"its WHEEL is for {_listed(inside)}, and its file name for {_listed(outside)}")


def read_entry_points(raw: bytes) -> tuple[EntryPoint, ...]:
    """Read ``entry_points.txt``; raise UnsoundError for what is no such file, and for scripts that are paths."""
    parser = configparser.RawConfigParser(delimiters=("=",), strict=True)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # as the documentation of configparser has it
    try:
        parser.read_string(raw.decode("utf-8"))
    except (UnicodeDecodeError, configparser.Error) as error:
        raise UnsoundError(f"its entry_points.txt cannot be read: {type(error).__name__}") from None
    found = tuple(
        EntryPoint(group=group, name=name, value=str(value))
        for group in parser.sections()
        for name, value in parser.items(group)
    )
    for point in found:
        if point.group in _SCRIPTS:
            if "/" in point.name:
                raise UnsoundError(f"the script {point.name} is a path")
            check_path(point.name)
    return found


def _headers(raw: bytes, file: str) -> Message:
    try:
        return BytesParser(policy=compat32).parsebytes(raw, headersonly=True)
    except (MessageError, ValueError, LookupError) as error:
        raise UnsoundError(f"its {file} cannot be read: {type(error).__name__}") from None


def _one(headers: Message, file: str, name: str) -> str:
    values = [str(value).strip() for value in headers.get_all(name, [])]
    if len(values) != 1 or not values[0]:
        raise UnsoundError(f"its {file} has {len(values)} lines {name!r}, and must have one that says something")
    return values[0]


def _family(tag: Tag) -> str:
    """Return the system and machine of a platform tag: ``linux x86_64`` for every manylinux of it."""
    for start in ("manylinux", "linux_"):
        if tag.platform.startswith(start):
            return "linux " + next((m for m in _machines() if tag.platform.endswith(f"_{m}")), tag.platform)
    return tag.platform


def _machines() -> Iterator[str]:
    yield from ("x86_64", "i686", "aarch64", "ppc64le", "s390x", "armv7l", "riscv64")


def _listed(tags: frozenset[Tag]) -> str:
    return ", ".join(sorted(str(tag) for tag in tags)) or "nothing"
