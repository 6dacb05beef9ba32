"""Which image a Dockerfile begins with. Pure: no registry is asked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from packaging.utils import parse_wheel_filename
from packaging.version import Version

from ipexenv.errors import UsageError

if TYPE_CHECKING:
    from ipexenv.lock.model import LockedTarget
    from ipexenv.ruling import Offer

_RELEASES = ((Version("2.36"), "bookworm"), (Version("2.41"), "trixie"))
"""glibc of Debian releases that the official images of Python are made on, oldest first."""

_ARCHITECTURES = {"x86_64": "linux/amd64", "aarch64": "linux/arm64"}
_PEP600 = re.compile(r"manylinux_(\d+)_(\d+)_")
_LEGACY = {"manylinux1": Version("2.5"), "manylinux2010": Version("2.12"), "manylinux2014": Version("2.17")}
_TABLED = frozenset({"torch", "intel-extension-for-pytorch", "torch-ipex", "oneccl-bind-pt"})
"""Projects whose wheels with a bare ``linux_x86_64`` were built on Debian releases older than any here."""

_PARTS = r"[a-z0-9]+(?:[._-]+[a-z0-9]+)*"
_REFERENCE = re.compile(
    rf"(?P<name>(?:[A-Za-z0-9][A-Za-z0-9.-]*(?::[0-9]+)?/)?{_PARTS}(?:/{_PARTS})*)"
    r"(?P<tag>:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?P<digest>@sha256:[0-9a-f]{64})?"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class BaseImage:
    """An image to begin with, by a name that builders take."""

    reference: str
    """As ``python:3.11-slim-bookworm@sha256:…``."""

    @property
    def pinned(self) -> bool:
        """Say whether the name is that of exactly one image: a tag alone may be another one tomorrow."""
        return "@sha256:" in self.reference


def named_base(text: str) -> BaseImage:
    """Return the image of ``--base TEXT``; raise UsageError where that is no image's name."""
    if _REFERENCE.fullmatch(text) is None:
        raise UsageError(
            f"--base {text!r} is no name of an image",
            code="usage",
            causes=("it is NAME:TAG@sha256:DIGEST, with 64 hexadecimal digits, and NAME in lower case",),
            hint="`docker buildx imagetools inspect python:3.11-slim-bookworm` prints the digest of an image",
        )
    return BaseImage(reference=text)


def usual_base(target: LockedTarget) -> BaseImage:
    """Return the official slim image on the oldest Debian that every wheel of the target accepts.

    The oldest, because glibc 2.41 (trixie) refuses the executable stack of IPEX 2.1 to 2.7.
    """
    needed = max((_needed_glibc(file, target) for file in target.files), default=_RELEASES[0][0])
    release = next((name for glibc, name in _RELEASES if needed <= glibc), _RELEASES[-1][1])
    return BaseImage(reference=f"python:{target.platform.python.major}.{target.platform.python.minor}-slim-{release}")


def image_platform(target: LockedTarget) -> str:
    """Return the platform of the image, as ``linux/amd64``."""
    return _ARCHITECTURES.get(target.platform.architecture, f"linux/{target.platform.architecture}")


def _needed_glibc(file: Offer, target: LockedTarget) -> Version:
    """Return the glibc that the file's tags ask for; that of the locked machine where a foreign wheel does not say."""
    platforms = {tag.platform for tag in parse_wheel_filename(file.filename)[3]}
    told = [needed for platform in platforms if (needed := _promised(platform)) is not None]
    if told:
        return min(told)
    if file.project in _TABLED:
        return _RELEASES[0][0]
    return target.platform.libc_version or _RELEASES[0][0]


def _promised(platform: str) -> Version | None:
    if platform == "any":
        return Version("0")
    if found := _PEP600.match(platform):
        return Version(f"{found[1]}.{found[2]}")
    return _LEGACY.get(platform.partition("_")[0])
