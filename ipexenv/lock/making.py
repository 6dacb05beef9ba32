"""Make a lock from decisions and the files that an engine would install for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from ipexenv.errors import OutsideError
from ipexenv.lock.environment import platform_of
from ipexenv.lock.model import Lock, LockedTarget
from ipexenv.tables.bridge import BRIDGE_PROJECT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from packaging.version import Version

    from ipexenv.facts import Facts
    from ipexenv.lock.model import LockedBridge, LockedPlatform
    from ipexenv.outcome import Resolution
    from ipexenv.ruling import Offer, Stack


def make_target(
    resolution: Resolution, facts: Facts, files: Sequence[Offer], bridge: LockedBridge | None
) -> LockedTarget:
    """Return what a lock keeps of one resolution and its closure.

    Raises OutsideError where a file has no SHA-256: a lock without is none.
    """
    _refuse_unhashed((*files, *(bridge.parts if bridge else ())))
    there = {file.project: file for file in files}
    torch = there.get("torch")
    return LockedTarget(
        platform=platform_of(facts),
        torch=resolution.torch if torch is None else torch.version,
        ccl=resolution.ccl,
        ccl_version=resolution.ccl_version,
        bridge=bridge,
        pins=tuple(pin.name for pin in resolution.pins if canonicalize_name(pin.name) in {*there, BRIDGE_PROJECT}),
        import_names=resolution.import_names,
        constraints=resolution.constraints,
        files=tuple(sorted(files, key=lambda file: file.project)),
    )


def make_lock(targets: Sequence[LockedTarget], *, stack: Stack, tables: str, created_by: str) -> Lock:
    """Return one lock for all targets, in the order of their Pythons and platforms.

    Raises OutsideError where two sources serve different files under one name.
    """
    by_platform = {target.platform: target for target in targets}
    digests: dict[str, str | None] = {}
    for target in by_platform.values():
        for file in target.files:
            if digests.setdefault(file.filename, file.sha256) != file.sha256:
                raise OutsideError(
                    f"two different files are called {file.filename}",
                    code="ambiguous-file",
                    causes=(f"{file.source} has one with SHA-256 {file.sha256}, another source one of its own",),
                    hint="lock the targets one by one, or name one source with `--source`",
                )
    ordered = tuple(by_platform[platform] for platform in sorted(by_platform, key=_order))
    return Lock(created_by=created_by, stack=stack, tables=tables, targets=ordered)


def _order(platform: LockedPlatform) -> tuple[Version, bool, str]:
    return platform.python, platform.free_threaded, repr(platform)


def _refuse_unhashed(files: Sequence[Offer]) -> None:
    bare = [file.filename for file in files if file.sha256 is None]
    if bare:
        raise OutsideError(
            "not every file can be locked",
            code="no-hash",
            causes=tuple(f"{name}: no source tells its SHA-256" for name in bare),
            hint="put the file into a folder of wheels and name that with `--source DIR`",
        )
