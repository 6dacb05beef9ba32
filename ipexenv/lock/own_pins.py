"""What ipexenv itself is made of, so that a container gets the same."""

from __future__ import annotations

from importlib.metadata import Distribution, PackageNotFoundError, distribution
from typing import TYPE_CHECKING

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

OLDEST_PYTHON = (3, 10)
"""What ipexenv runs on, as pyproject.toml says."""


def own_pins(python: str, find: Callable[[str], Distribution] = distribution) -> tuple[str, ...]:
    """Return what ipexenv needs on Python ``python`` (``3.11``), as ``packaging==26.0``, in the versions that run here.

    Left out are ipexenv itself, pip, which every new environment has in a version of its own, and what is not
    installed here, as a dependency for older Pythons alone.
    """
    pins: dict[str, str] = {}
    waiting = ["ipexenv"]
    while waiting:
        for name in _needs(waiting.pop(), python, find):
            if name not in {*pins, "pip"} and (version := _version(name, find)) is not None:
                pins[name] = version
                waiting.append(name)
    return tuple(f"{name}=={version}" for name, version in sorted(pins.items()))


def _needs(name: str, python: str, find: Callable[[str], Distribution]) -> Iterator[str]:
    environment = {"python_version": python, "python_full_version": f"{python}.0", "extra": ""}
    try:
        lines = find(name).requires or ()
    except PackageNotFoundError:
        return
    for line in lines:
        try:
            wanted = Requirement(line)
        except InvalidRequirement:
            continue
        if wanted.marker is None or wanted.marker.evaluate(environment):
            yield canonicalize_name(wanted.name)


def _version(name: str, find: Callable[[str], Distribution]) -> str | None:
    try:
        return find(name).version
    except PackageNotFoundError:
        return None
