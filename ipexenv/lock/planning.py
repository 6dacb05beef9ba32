"""A replay in the words of the other stages: the resolution that it stands for, and the plan that carries it out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from ipexenv.outcome import Pin, Resolution
from ipexenv.plan import Change, Plan
from ipexenv.tables.bridge import BRIDGE_PROJECT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from packaging.version import Version

    from ipexenv.facts import Facts
    from ipexenv.lock.model import Lock
    from ipexenv.lock.replay import Replay
    from ipexenv.ruling import Offer


def locked_resolution(lock: Lock, replayed: Replay, facts: Facts) -> Resolution:
    """Return the locked decision in the shape that `install` reports and `verify` proves."""
    target = replayed.target
    to_install = {file.project for file in replayed.files}
    files = {file.project: file for file in (*target.files, *replayed.files)}
    return Resolution(
        torch=target.torch,
        python=facts.target.version,
        stack=lock.stack,
        ccl=target.ccl,
        ccl_version=target.ccl_version,
        ccl_reason=None,
        pins=tuple(_pin(name, files, to_install, replayed) for name in target.pins),
        constraints=target.constraints,
        import_names=target.import_names,
        rejections=(),
        notes=(),
    )


def _pin(name: str, files: Mapping[str, Offer], to_install: set[str], replayed: Replay) -> Pin:
    project = canonicalize_name(name)
    if project == BRIDGE_PROJECT and project not in to_install and replayed.target.bridge is not None:
        missing = replayed.bridge is not None
        return Pin(
            name=name,
            version=replayed.target.bridge.version,
            source="lock" if missing else "installed",
            installed=not missing,
            bridge=replayed.bridge,
            parts=replayed.parts,
        )
    file = files[project]
    if project not in to_install:
        return Pin(name=name, version=file.version, source="installed", yanked=file.yanked, installed=True)
    return Pin(name=name, version=file.version, source=file.source or "lock", yanked=file.yanked, offer=file)


def locked_plan(
    replayed: Replay,
    resolution: Resolution,
    *,
    installed: Mapping[str, Version],
    venv: str | None = None,
    engine: str | None = None,
) -> Plan:
    """Return the plan that installs exactly the files of ``replayed``, dependencies by name among them.

    ``resolution`` is its ``locked_resolution``, ``installed`` as for ``replay``. Its requirements are complete: the
    engine has nothing to resolve.
    """
    builds = tuple(pin for pin in resolution.pins if pin.bridge is not None)
    changes = [
        Change(
            name=file.project,
            before=installed.get(file.project),
            after=str(file.version),
            source=file.source or "lock",
            filename=file.filename,
            size_bytes=file.size_bytes,
            yanked=file.yanked,
        )
        for file in replayed.files
    ]
    changes += [
        Change(
            name=pin.name, before=installed.get(BRIDGE_PROJECT), after=str(pin.version), source="built from the lock"
        )
        for pin in builds
    ]
    before = {change.name: change.before for change in changes}
    return Plan(
        changes=tuple(changes),
        requirements=replayed.requirements,
        constraints=(*replayed.constraints, *(f"{pin.name}=={pin.version}" for pin in builds)),
        # An older bridge cannot be brought back: no index has it.
        restore=tuple(f"{name}=={old}" for name, old in before.items() if old is not None and name != BRIDGE_PROJECT),
        remove=tuple(name for name, old in before.items() if old is None),
        builds=builds,
        venv=venv,
        engine=engine,
    )
