"""The kind of target that facts are about, and what a lock says of it in PEP 508's words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.markers import Marker
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from ipexenv.lock.model import LockedPlatform

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ipexenv.facts import Facts

_SYS_PLATFORM = {"windows": "win32"}
_ONLY_MAJOR = 3


def platform_of(facts: Facts) -> LockedPlatform:
    """Return the kind of target that ``facts`` are about."""
    return LockedPlatform(
        python=Version(facts.target.version.base_version),
        system=facts.host.system,
        architecture=facts.host.architecture,
        implementation=facts.target.implementation,
        free_threaded=facts.target.free_threaded,
        libc_family=facts.host.libc.family,
        libc_version=facts.host.libc.version,
    )


def marker_of(platform: LockedPlatform) -> Marker:
    """Return the marker (PEP 508) that holds for such targets.

    It says nothing of the C library and of free threading, for which markers have no words: the files' tags tell these.
    """
    parts = {
        "implementation_name": platform.implementation,
        "platform_machine": platform.architecture,
        "python_version": f"{platform.python.major}.{platform.python.minor}",
        "sys_platform": _SYS_PLATFORM.get(platform.system, platform.system),
    }
    return Marker(" and ".join(f"{name} == '{value}'" for name, value in parts.items()))


def requires_python(platforms: Iterable[LockedPlatform]) -> SpecifierSet:
    """Return the range of Pythons from the oldest to the newest minor of the platforms."""
    minors = sorted(platform.python.minor for platform in platforms)
    return SpecifierSet(f">={_ONLY_MAJOR}.{minors[0]},<{_ONLY_MAJOR}.{minors[-1] + 1}")
