"""Rules about the torch in hand: its version, the ABI of its build, the device that it is built for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ipexenv.resolve.situation import is_for_other_device, name_of, upstream
from ipexenv.ruling import Rejection
from ipexenv.tables.schema import IpexRelease, OneCclRelease, TorchRelease

if TYPE_CHECKING:
    from packaging.specifiers import SpecifierSet

    from ipexenv.resolve.situation import Release, Situation


def torch_version(release: Release, situation: Situation) -> Rejection | None:
    """Reject a release that was built for another torch; the bindings go by their exact table."""
    torch = situation.torch
    if torch is None or isinstance(release, TorchRelease):
        return None
    if isinstance(release, OneCclRelease) and upstream(torch.version) in release.not_torch:
        reason = f"is for torch {torch_words(release.torch)} only, and {torch_in_words(situation)}"
        return Rejection(release=name_of(release), rule="torch", reason=reason)
    if release.torch.contains(upstream(torch.version), prereleases=True):
        return None
    reason = f"needs torch {torch_words(release.torch)}, and {torch_in_words(situation)}"
    return Rejection(release=name_of(release), rule="torch", reason=reason)


def cxx11_abi(release: Release, situation: Situation) -> Rejection | None:
    """Reject a release whose C++ symbols use the other libstdc++ ABI than the torch in hand: it would not link."""
    torch = situation.torch
    if not isinstance(release, IpexRelease) or torch is None or release.cxx11_abi is None or torch.cxx11_abi is None:
        return None
    if release.cxx11_abi == torch.cxx11_abi or not release.torch.contains(upstream(torch.version), prereleases=True):
        return None
    build = f" ({torch.build} build)" if torch.build else ""
    reason = (
        f"is built with the {_abi_words(new=release.cxx11_abi)} C++ ABI, "
        f"and torch {torch.version}{build} with the {_abi_words(new=torch.cxx11_abi)} one"
    )
    return Rejection(release=name_of(release), rule="cxx11-abi", reason=reason)


def other_device(release: Release, situation: Situation) -> Rejection | None:
    """Reject every CPU release where the torch in hand is an XPU build: the two do not mix."""
    torch = situation.torch
    if torch is None or isinstance(release, TorchRelease) or not is_for_other_device(torch.version, torch.build):
        return None
    label = torch.version if torch.version.local else f"{torch.version} ({torch.build})"
    reason = f"is for CPU, and torch {label} is a build for another device"
    return Rejection(release=name_of(release), rule="other-device", reason=reason)


def torch_words(wanted: SpecifierSet) -> str:
    """Return a version range for people: ``2.8.*``, not ``==2.8.*``."""
    return str(wanted).removeprefix("==") or "of any version"


def torch_in_words(situation: Situation) -> str:
    """Return how the torch in hand came to be: ``torch 2.13.0 is installed``, ``wanted`` or ``chosen``."""
    torch = situation.torch
    if torch is None:
        return "no torch is chosen"
    if torch.installed:
        return f"torch {torch.version} is installed"
    return f"torch {torch.version} is {'chosen' if situation.request.torch is None else 'wanted'}"


def _abi_words(*, new: bool) -> str:
    return "new" if new else "old"
