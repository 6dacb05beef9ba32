"""Wheel tags of a Python that is not the one running: packaging's rules, fed with the target's own facts. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging import tags

if TYPE_CHECKING:
    from collections.abc import Sequence

    from packaging.version import Version

    from ipexenv.facts import Libc

_LEGACY = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}
"""Names that manylinux tags had before PEP 600, by the glibc 2 minor that they stand for."""
_OLDEST_WITH_WHEELS = {"x86_64": 5, "i686": 5}
_OLDEST_ELSEWHERE = 17
_UNDERSCORED_ABIFLAGS = (3, 8)


def wheel_tags(*, version: Version, abiflags: str, machine: str, libc: Libc) -> tuple[str, ...]:
    """Return the tags of the wheels that a CPython on Linux accepts, best first.

    ``abiflags`` is ``sys.abiflags`` of the target, ``machine`` its architecture as wheels spell it. They are the tags
    that ``packaging.tags.sys_tags`` (26.3: older ones put ``linux_*`` after ``manylinux*``) gives inside the target;
    macOS and Windows are not served.
    """
    python = (version.major, version.minor)
    platforms = platform_tags(machine, libc)
    interpreter = f"cp{version.major}{version.minor}"
    found = [
        *tags.cpython_tags(python, abi_tags(python, abiflags), platforms),
        *tags.compatible_tags(python, interpreter, platforms),
    ]
    return tuple(dict.fromkeys(str(tag) for tag in found))


def abi_tags(python: tuple[int, int], abiflags: str) -> list[str]:
    """Return the ABIs that a CPython with these ABI flags loads, best first."""
    own = f"cp{python[0]}{python[1]}"
    if python < _UNDERSCORED_ABIFLAGS:
        return [own + abiflags]
    threaded = "t" if "t" in abiflags else ""
    if "d" in abiflags:  # a debug build loads modules of release builds since 3.8
        return [f"{own}{threaded}d", own + threaded]
    return [own + threaded]


def platform_tags(machine: str, libc: Libc) -> list[str]:
    """Return the platform tags of a Linux with this C library, best first: what was built here, then the rest."""
    if libc.version is None:
        return [f"linux_{machine}"]
    major, minor = libc.version.major, libc.version.minor
    if libc.family == "musl":
        return [f"linux_{machine}", *(f"musllinux_{major}_{step}_{machine}" for step in range(minor, -1, -1))]
    return [f"linux_{machine}", *_manylinux(machine, minor)]


def _manylinux(machine: str, minor: int) -> Sequence[str]:
    found = []
    for step in range(minor, _OLDEST_WITH_WHEELS.get(machine, _OLDEST_ELSEWHERE) - 1, -1):
        found.append(f"manylinux_2_{step}_{machine}")
        if step in _LEGACY:
            found.append(f"{_LEGACY[step]}_{machine}")
    return found
