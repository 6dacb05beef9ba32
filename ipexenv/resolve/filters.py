"""The filters of `matrix`: words of the command line turned into what to show of the tables."""

from __future__ import annotations

from functools import partial

from packaging.version import InvalidVersion, Version

from ipexenv.errors import UsageError
from ipexenv.facts import Host, Libc
from ipexenv.resolve.choices import torch_range
from ipexenv.resolve.wheels import read_platform, read_platforms, runs_on
from ipexenv.tables.join import Release, Wanted
from ipexenv.tables.releases import IpexRelease

_MINOR_PARTS = 2


def read_filters(torch: str | None, target_python: str | None, platform: str | None) -> Wanted:
    """Return what the three filters ask for, each None where it is not set.

    ``torch`` is read as by `resolve --torch`; of ``target_python`` major and minor count; ``platform`` is a wheel's
    platform tag that stands for a machine, ``manylinux_2_31_x86_64`` for one with glibc 2.31.
    Raises UsageError that names the value.
    """
    return Wanted(
        torch=None if torch is None else torch_range(torch),
        python=None if target_python is None else _python_minor(target_python),
        runs_there=None if platform is None else partial(_runs_there, _machine(platform)),
    )


def _python_minor(text: str) -> Version:
    try:
        version = Version(text)
    except InvalidVersion:
        version = Version("0")
    if len(version.release) < _MINOR_PARTS:
        raise UsageError(
            f"--target-python {text!r} is not a Python version", code="usage", hint="name a minor version, as `3.11`"
        )
    return Version(f"{version.major}.{version.minor}")


def _machine(tag: str) -> Host:
    platform = read_platform(tag)
    if platform is None:
        raise UsageError(
            f"--platform {tag!r} is not a platform tag",
            code="usage",
            hint="name one as wheels do: `manylinux_2_31_x86_64` for a machine with glibc 2.31, `linux_x86_64` for any",
        )
    libc = Libc(family=platform.libc or "unknown", version=platform.libc_version)
    return Host(system=platform.system, architecture=platform.architecture, libc=libc)


def _runs_there(host: Host, release: Release) -> bool:
    have = host.libc.version
    if isinstance(release, IpexRelease) and release.glibc is not None and have is not None and release.glibc > have:
        return False
    suiting = [platform for platform in read_platforms(release.platforms) if runs_on(platform, host)]
    # A plain linux_x86_64 says nothing of the C library, but what is published under it is built for glibc.
    return any(host.libc.family != "musl" or platform.libc == "musl" for platform in suiting)
