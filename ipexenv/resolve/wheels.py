"""Platform tags, and whether a wheel file suits the target."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, NamedTuple

from packaging.utils import InvalidWheelFilename, parse_wheel_filename
from packaging.version import Version

if TYPE_CHECKING:
    from collections.abc import Iterable

    from packaging.tags import Tag

    from ipexenv.facts import Facts, Host, Target
    from ipexenv.outcome import Offer

# PEP 600: the glibc that each of the older names stands for.
_LEGACY_GLIBC = {"manylinux1": "2.5", "manylinux2010": "2.12", "manylinux2014": "2.17"}
_SAME_ARCHITECTURE = {"amd64": "x86_64", "x64": "x86_64", "arm64": "aarch64"}
_PATTERN = re.compile(
    r"(?P<kind>manylinux|musllinux|macosx)_(?P<major>\d+)_(?P<minor>\d+)_(?P<modern>\w+)"
    r"|(?P<legacy>manylinux1|manylinux2010|manylinux2014)_(?P<old>\w+)"
    r"|(?P<plain>linux|win)_(?P<bare>\w+)"
)
_FIRST_WITHOUT_M = (3, 8)
_FIRST_STABLE_ABI_MINOR = 2


class Platform(NamedTuple):
    """What a platform tag promises."""

    system: str
    """``linux``, ``windows`` or ``darwin``."""
    architecture: str
    """``x86_64``, ``aarch64`` …"""
    libc: Literal["glibc", "musl"] | None = None
    """None where the tag says nothing, as ``linux_x86_64``."""
    libc_version: Version | None = None
    """Oldest libc that it runs on."""


def same_architecture(name: str) -> str:
    """Return the one spelling of an architecture: ``amd64`` is ``x86_64``, ``arm64`` is ``aarch64``."""
    return _SAME_ARCHITECTURE.get(name.lower(), name.lower())


@lru_cache(maxsize=512)
def read_platform(tag: str) -> Platform | None:
    """Return what a platform tag of PEP 425, 600 or 656 promises; None for one that it does not know."""
    match = _PATTERN.fullmatch(tag)
    if match is None:
        return None
    if match["legacy"]:
        version = Version(_LEGACY_GLIBC[match["legacy"]])
        return Platform(
            system="linux", architecture=same_architecture(match["old"]), libc="glibc", libc_version=version
        )
    if match["plain"]:
        system = "windows" if match["plain"] == "win" else "linux"
        return Platform(system=system, architecture=same_architecture(match["bare"]))
    architecture = same_architecture(match["modern"])
    if match["kind"] == "macosx":
        return Platform(system="darwin", architecture=architecture)
    version = Version(f"{match['major']}.{match['minor']}")
    libc: Literal["glibc", "musl"] = "glibc" if match["kind"] == "manylinux" else "musl"
    return Platform(system="linux", architecture=architecture, libc=libc, libc_version=version)


def read_platforms(tags: Iterable[str]) -> tuple[Platform, ...]:
    """Return what each tag promises, leaving out unknown ones."""
    return tuple(platform for platform in map(read_platform, tags) if platform is not None)


def runs_on(platform: Platform, host: Host) -> bool:
    """Say whether a wheel of this platform runs on ``host``, where unknown facts count as fitting."""
    if platform.system != host.system or platform.architecture != same_architecture(host.architecture):
        return False
    if platform.libc is None or host.libc.family == "unknown":
        return True
    if platform.libc != host.libc.family:
        return False
    return host.libc.version is None or platform.libc_version is None or platform.libc_version <= host.libc.version


def suits_target(offer: Offer, facts: Facts) -> bool:
    """Say whether the target accepts this file: its name is that of the offer, and one of its tags suits."""
    try:
        name, version, _, tags = parse_wheel_filename(offer.filename)
    except (InvalidWheelFilename, ValueError):
        return False
    if name != offer.project or version != offer.version:
        return False
    if facts.target.wheel_tags:
        return any(str(tag) in facts.target.wheel_tags for tag in tags)
    return any(_tag_suits(tag, facts) for tag in tags)


def _tag_suits(tag: Tag, facts: Facts) -> bool:
    if tag.platform == "any":
        return tag.interpreter in {"py3", f"py3{facts.target.version.minor}"}
    platform = read_platform(tag.platform)
    return platform is not None and runs_on(platform, facts.host) and _interpreter_suits(tag, facts.target)


def _interpreter_suits(tag: Tag, target: Target) -> bool:
    major, minor = target.version.major, target.version.minor
    if tag.interpreter == f"py{major}" and tag.abi == "none":
        return True
    if target.implementation != "cpython":
        return False
    own = f"cp{major}{minor}"
    if tag.abi == "abi3":
        start = re.fullmatch(rf"cp{major}(\d+)", tag.interpreter)
        return start is not None and _FIRST_STABLE_ABI_MINOR <= int(start[1]) <= minor and not target.free_threaded
    marker = "t" if target.free_threaded else "m" if (major, minor) < _FIRST_WITHOUT_M else ""
    return tag.interpreter == own and tag.abi == own + marker
