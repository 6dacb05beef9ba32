"""In which folders the packages of the target lie: with `.pth` files and system packages it is not one alone. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ipexenv.facts import Facts

_PACKAGES = ("torch", "ipex", "bindings", "bridge")


def homes(facts: Facts) -> tuple[str, ...]:
    """Return the folders, those that the installed packages were found in first; each once."""
    packages = [getattr(facts.installed, name) for name in _PACKAGES]
    found = [package.location for package in packages if package is not None and package.location is not None]
    site = facts.target.site_packages
    return tuple(dict.fromkeys([*found, *([site] if site is not None else [])]))
