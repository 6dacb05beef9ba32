"""Rules about the machine: operating system, architecture, C library, C++ library, processor, system libraries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.version import Version

from ipexenv.resolve.offers import is_proven
from ipexenv.resolve.situation import isa_words, name_of
from ipexenv.resolve.wheels import read_platforms, same_architecture
from ipexenv.ruling import Rejection
from ipexenv.tables.schema import BridgeRelease, IpexRelease, TorchRelease

if TYPE_CHECKING:
    from ipexenv.resolve.situation import Release, Situation
    from ipexenv.resolve.wheels import Platform

# The first glibc that refuses to load a library which asks for an executable stack (release notes of glibc 2.41).
_STRICT_STACK_GLIBC = Version("2.41")

_SYSTEMS = {"linux": "Linux", "windows": "Windows", "darwin": "macOS"}


def operating_system(release: Release, situation: Situation) -> Rejection | None:
    """Reject a release that has no wheel for the operating system, unless a source really offers one."""
    published = {platform.system for platform in read_platforms(release.platforms)}
    have = situation.facts.host.system
    if not published or have in published or is_proven(release, situation):
        return None
    wanted = " and ".join(sorted(_SYSTEMS[system] for system in published))
    return _no(
        release,
        "operating-system",
        f"{_has_wheels(release)} for {wanted}, and the target runs {_SYSTEMS.get(have, have)}",
    )


def architecture(release: Release, situation: Situation) -> Rejection | None:
    """Reject a release that has no wheel for the processor architecture, unless a source really offers one."""
    published = {platform.architecture for platform in _same_system(release, situation)}
    have = same_architecture(situation.facts.host.architecture)
    if not published or have in published or is_proven(release, situation):
        return None
    wanted = " and ".join(sorted(published))
    return _no(release, "architecture", f"{_has_wheels(release)} for {wanted}, and the target is {have}")


def musl(release: Release, situation: Situation) -> Rejection | None:
    """Reject a release whose wheels all need glibc where the target's C library is musl (Alpine)."""
    platforms = _same_system(release, situation)
    if situation.facts.host.libc.family != "musl" or not platforms or any(p.libc == "musl" for p in platforms):
        return None
    made = "is made" if isinstance(release, BridgeRelease) else "has wheels"
    return _no(release, "musl", f"{made} for glibc, and the target's C library is musl")


def glibc(release: Release, situation: Situation) -> Rejection | None:
    """Reject a release that needs a newer glibc; symbols where they were read, else the promise of the platform tag."""
    libc = situation.facts.host.libc
    needed = needed_glibc(release, situation)
    if libc.family == "musl" or libc.version is None or needed is None or needed <= libc.version:
        return None
    return _no(release, "glibc", f"needs glibc {needed} or newer, and the target has {libc.version}")


def needed_glibc(release: Release, situation: Situation) -> Version | None:
    """Return the oldest glibc that the release loads on, None where nothing tells."""
    if isinstance(release, IpexRelease) and release.glibc is not None:
        return release.glibc
    have = same_architecture(situation.facts.host.architecture)
    promised = [p for p in _same_system(release, situation) if p.architecture == have and p.libc != "musl"]
    versions = [platform.libc_version for platform in promised if platform.libc_version is not None]
    return min(versions) if versions and len(versions) == len(promised) else None


def glibcxx(release: Release, situation: Situation) -> Rejection | None:
    """Reject a release that needs newer symbols than the libstdc++ that the target would load has."""
    have = situation.facts.target.glibcxx
    if not isinstance(release, IpexRelease) or release.glibcxx is None or have is None or release.glibcxx <= have:
        return None
    return _no(release, "glibcxx", f"needs GLIBCXX_{release.glibcxx}, and the target's libstdc++ ends at {have}")


def instruction_set(release: Release, situation: Situation) -> Rejection | None:
    """Reject a release that does not start on this processor."""
    have = situation.facts.host.cpu.isa
    if not isinstance(release, IpexRelease) or have is None or release.min_isa <= have:
        return None
    return _no(release, "isa", f"needs {isa_words(release.min_isa)}, and the processor offers {isa_words(have)}")


def executable_stack(release: Release, situation: Situation) -> Rejection | None:
    """Reject a release with a library that asks for an executable stack, which glibc 2.41 and newer refuse to load."""
    libc = situation.facts.host.libc
    if not isinstance(release, IpexRelease) or not release.execstack or libc.family == "musl":
        return None
    if libc.version is None or libc.version < _STRICT_STACK_GLIBC:
        return None
    reason = f"needs an executable stack, which glibc {_STRICT_STACK_GLIBC} and newer refuse; the target has"
    return _no(release, "execstack", f"{reason} {libc.version}")


def system_libraries(release: Release, situation: Situation) -> Rejection | None:
    """Reject a release that links to system libraries which the target's loader does not find."""
    found = situation.facts.target.libraries
    if not isinstance(release, IpexRelease) or found is None:
        return None
    missing = [library for library in release.needed_libs if library not in found]
    if not missing:
        return None
    return _no(release, "libraries", f"needs {' and '.join(missing)}, and the target's loader does not find it")


def _has_wheels(release: Release) -> str:
    """Say of torch only what the tables know: there are builds of it that they leave out."""
    if isinstance(release, BridgeRelease):
        return "is made"
    return "is in the tables" if isinstance(release, TorchRelease) else "has wheels"


def _same_system(release: Release, situation: Situation) -> tuple[Platform, ...]:
    platforms = read_platforms(release.platforms)
    return tuple(platform for platform in platforms if platform.system == situation.facts.host.system)


def _no(release: Release, rule: str, reason: str) -> Rejection:
    return Rejection(release=name_of(release), rule=rule, reason=reason)
