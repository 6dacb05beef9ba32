"""The steps from what is installed to a resolution, and the way back. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from ipexenv.tables.bridge import BRIDGE_PROJECT

if TYPE_CHECKING:
    from packaging.version import Version

    from ipexenv.facts import Facts, Installed, Package
    from ipexenv.outcome import Pin, Resolution
    from ipexenv.tables.bridge import BridgeRelease

_FACT_OF_PROJECT = {
    "torch": "torch",
    "intel-extension-for-pytorch": "ipex",
    "torch-ipex": "ipex",
    "oneccl-bind-pt": "bindings",
    "torch-ccl": "bindings",
    BRIDGE_PROJECT: "bridge",
    "impi-rt": "mpi",
    "torchvision": "torchvision",
    "torchaudio": "torchaudio",
    "numpy": "numpy",
    "transformers": "transformers",
    "accelerate": "accelerate",
}
_SECRETS = re.compile(r"(?<=://)[^/@\s]+@|\?[^#\s]*")


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """One distribution that the plan installs or replaces."""

    name: str
    before: Version | None
    """None where it is not installed now."""
    after: str
    """The version, or the range where any version in it will do (``<2``)."""
    source: str
    """Name of the source that it comes from, or ``built from oneccl 2022.2.0, …``."""
    filename: str | None = None
    size_bytes: int | None = None
    yanked: str | None = None

    def as_mapping(self) -> dict[str, Any]:
        """Return one entry of ``changes``."""
        return {
            "name": self.name,
            "before": None if self.before is None else str(self.before),
            "after": self.after,
            "source": self.source,
            "filename": self.filename,
            "size_bytes": self.size_bytes,
            "yanked": self.yanked,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What one call of the package engine is to do."""

    changes: tuple[Change, ...]
    requirements: tuple[str, ...]
    """Exact requirements for the engine, apart from what has to be built.

    A URL in them may hold credentials: show ``as_mapping`` instead.
    """
    constraints: tuple[str, ...]
    """What must stay or become exactly so, torch first of all, whatever else the engine wants."""
    restore: tuple[str, ...]
    """Requirements that bring back what the changes replace."""
    remove: tuple[str, ...]
    """Distributions that were not there before."""
    builds: tuple[Pin, ...] = ()
    """Pins whose wheels have to be built first (``Pin.bridge``); the engine then gets them by file and SHA-256."""
    venv: str | None = None
    """Directory of the virtual environment to make first."""
    engine: str | None = None
    """``pip`` or ``uv``; None before one is chosen."""

    @property
    def nothing_to_do(self) -> bool:
        """Say whether everything is there already."""
        return not self.changes and self.venv is None

    @property
    def download_bytes(self) -> int:
        """Return the size of the files whose size is known, in bytes, without their dependencies."""
        return sum(change.size_bytes or 0 for change in self.changes)

    def as_mapping(self) -> dict[str, Any]:
        """Return the JSON ``plan`` of ``install``, without credentials."""
        return {
            "changes": [change.as_mapping() for change in self.changes],
            "engine": self.engine,
            "venv": self.venv,
            "requirements": [_SECRETS.sub("", requirement) for requirement in self.requirements],
            "builds": [_build_as_mapping(pin) for pin in self.builds],
            "constraints": list(self.constraints),
            "way_back": {"install": list(self.restore), "uninstall": list(self.remove)},
        }


def make_plan(resolution: Resolution, facts: Facts, *, venv: str | None = None, engine: str | None = None) -> Plan:
    """Return the steps from ``facts`` to ``resolution``.

    Files from sources that the engine is configured for are asked for as ``name==version`` (exact, so that a yanked
    release can be had); every other file by its own URL and SHA-256. Constraints hold every pin to its version: nothing
    replaces what is there already, and no file can be other than its name says. What has to be built first has no
    requirement yet: it stands in ``builds``.
    ``venv`` names an environment that does not exist yet.
    """
    coming = [pin for pin in resolution.pins if not pin.installed]
    changes = [_pin_change(pin, facts.installed) for pin in coming]
    requirements = [_requirement_of(pin) for pin in coming if pin.bridge is None]
    for text in resolution.constraints:
        state = _state_of(text, facts.installed)
        if state is not None:
            changes.append(state)
        if state is not None or (coming and not _is_met(text, facts.installed)):
            requirements.append(text)
    # An older bridge cannot be brought back: no index has it, and what it did the newer one does.
    before = {change.name: change.before for change in changes if change.name != BRIDGE_PROJECT or not change.before}
    return Plan(
        changes=tuple(changes),
        requirements=tuple(requirements),
        constraints=(*(_exactly(pin) for pin in resolution.pins), *resolution.constraints),
        restore=tuple(f"{name}=={_restored(version)}" for name, version in before.items() if version is not None),
        remove=tuple(name for name, version in before.items() if version is None),
        builds=tuple(pin for pin in coming if pin.bridge is not None),
        venv=venv,
        engine=engine,
    )


def missing(resolution: Resolution, facts: Facts) -> tuple[str, ...]:
    """Return what of ``resolution`` is not really there, in words; empty when all of it is."""
    found: list[str] = []
    for pin in resolution.pins:
        package = _installed(pin.name, facts.installed)
        if package is None:
            found.append(f"{pin.name} {pin.version} is not there")
        elif not _same(pin.version, package.version):
            found.append(f"{pin.name} is {package.version} instead of {pin.version}")
    for text in resolution.constraints:
        change = _state_of(text, facts.installed)
        if change is not None:
            found.append(f"{change.name} is {change.before}, which is not {change.after}")
    return tuple(found)


def _pin_change(pin: Pin, installed: Installed) -> Change:
    package = _installed(pin.name, installed)
    before = None if package is None else package.version
    if pin.bridge is not None:
        return _built_change(pin, pin.bridge, before=before)
    return Change(
        name=pin.name,
        before=before,
        after=str(pin.version),
        source=pin.source,
        filename=None if pin.offer is None else pin.offer.filename,
        size_bytes=None if pin.offer is None else pin.offer.size_bytes,
        yanked=pin.yanked,
    )


def _built_change(pin: Pin, release: BridgeRelease, *, before: Version | None) -> Change:
    """Return the change that a wheel which has to be built makes; its size is that of the files that go into it."""
    wheels = ", ".join(f"{part.project} {part.version}" for part in release.parts)
    return Change(
        name=pin.name,
        before=before,
        after=str(pin.version),
        source=f"built from {wheels}",
        size_bytes=sum(file.size_bytes for part in release.parts for file in part.files),
        yanked=pin.yanked,
    )


def _build_as_mapping(pin: Pin) -> dict[str, Any]:
    """Return one entry of ``builds``: the wheel, and the exact files that it is made from."""
    release = pin.bridge
    parts = () if release is None else release.parts
    sources = {offer.filename: offer.source for offer in pin.parts}
    return {
        "name": pin.name,
        "version": str(pin.version),
        "parts": [
            {"filename": part.filename, "sha256": part.sha256, "source": sources.get(part.filename)} for part in parts
        ],
    }


def _requirement_of(pin: Pin) -> str:
    if pin.offer is None or pin.offer.configured:
        return f"{pin.name}=={pin.version}"
    digest = f"#sha256={pin.offer.sha256}" if pin.offer.sha256 else ""
    return f"{pin.name} @ {pin.offer.url}{digest}"


def _exactly(pin: Pin) -> str:
    """Return the constraint that keeps the pin as it is, or that holds a file to what its name promises.

    What is there is named without its local label: the metadata of the public index's torch has none, and the engines
    go by metadata, while torch itself says ``2.7.0+cu126``.
    """
    return f"{pin.name}=={pin.version.public if pin.installed else pin.version}"


def _restored(version: Version) -> str:
    """Return the version under which a package is found again: no index lists the CUDA label (see ``_exactly``)."""
    return version.public if (version.local or "").startswith("cu") else str(version)


def _state_of(text: str, installed: Installed) -> Change | None:
    """Return the change that the requirement asks for, None where nothing installed is against it."""
    requirement = Requirement(text)
    package = _installed(requirement.name, installed)
    if package is None or requirement.specifier.contains(package.version, prereleases=True):
        return None
    return Change(
        name=requirement.name, before=package.version, after=str(requirement.specifier), source="configured index"
    )


def _is_met(text: str, installed: Installed) -> bool:
    return _installed(Requirement(text).name, installed) is not None


def _installed(name: str, installed: Installed) -> Package | None:
    fact = _FACT_OF_PROJECT.get(canonicalize_name(name))
    package: Package | None = None if fact is None else getattr(installed, fact)
    return package


def _same(wanted: Version, found: Version) -> bool:
    """Compare exactly where a local label is wanted; ``2.8.0`` is served by ``2.8.0+cpu`` as well (PEP 440)."""
    return wanted == found if wanted.local else wanted.public == found.public
