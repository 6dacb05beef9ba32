"""What a container is made of beside the lock: the base image, system libraries, ipexenv itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.version import Version

from ipexenv.errors import UsageError
from ipexenv.lock.dockerfile import DockerfileOptions
from ipexenv.lock.dockerfile_base import usual_base
from ipexenv.lock.own_pins import own_pins

if TYPE_CHECKING:
    from ipexenv.lock.dockerfile_base import BaseImage
    from ipexenv.lock.model import LockedTarget
    from ipexenv.tables.schema import Tables

_IPEX = frozenset({"intel-extension-for-pytorch", "torch-ipex"})


def described_container(
    target: LockedTarget,
    tables: Tables,
    *,
    lock_name: str,
    base: BaseImage | None = None,
    project: tuple[str, ...] = (),
) -> DockerfileOptions:
    """Return what ``dockerfile_text`` wants to know; ``base`` is the image that the user names.

    Raises UsageError where no official image has such a Python and the user names none.
    """
    if base is None:
        refuse_odd_pythons(target)
    return DockerfileOptions(
        lock_name=lock_name,
        base=base or usual_base(target),
        tool_pins=own_pins(f"{target.platform.python.major}.{target.platform.python.minor}"),
        libraries=_libraries(target, tables),
        project=project,
    )


def refuse_odd_pythons(target: LockedTarget) -> None:
    """Raise UsageError where the official images have no Python like the target's."""
    if target.platform.free_threaded or target.platform.libc_family == "musl":
        raise UsageError(
            f"no slim image of Python is like {target.platform.words}",
            code="no-image",
            causes=("the official images have free-threaded Pythons not at all, and musl only as Alpine",),
            hint="lock for an ordinary target, as `ipexenv lock --target-python 3.11 "
            "--platform manylinux_2_36_x86_64`, or name an image of your own with `--base`",
        )


def _libraries(target: LockedTarget, tables: Tables) -> tuple[str, ...]:
    chosen = {Version(file.version.public) for file in target.files if file.project in _IPEX}
    return tuple(sorted({name for release in tables.ipex if release.version in chosen for name in release.needed_libs}))
