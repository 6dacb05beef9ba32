"""Write a lock as ``pylock.toml`` (PEP 751). The same lock always gives the same bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import tomli_w
from packaging.markers import Marker
from packaging.pylock import Package, PackageWheel, Pylock
from packaging.utils import NormalizedName
from packaging.version import Version

from ipexenv.lock.environment import marker_of, requires_python
from ipexenv.lock.places import place_of, usual_source

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import PurePosixPath

    from ipexenv.lock.model import Lock, LockedBridge, LockedPlatform, LockedTarget
    from ipexenv.ruling import Offer

FORMAT = 1
"""Version of ``[tool.ipexenv]``; goes up when an older ipexenv would misread what is there."""

_HEADER = "# Made by `ipexenv lock`, replayed by `ipexenv install --from-lock`; uv and pip read it as well (PEP 751).\n"


def lock_text(lock: Lock, *, folder: PurePosixPath) -> str:
    """Return the text of the lock for a file in ``folder`` (absolute).

    No URL in it holds credentials. Raises ``packaging.pylock.PylockValidationError`` for a file without SHA-256, which
    neither ``read_lock`` nor ``make_lock`` lets in.
    """
    pylock = Pylock(
        lock_version=Version("1.0"),
        environments=[marker_of(target.platform) for target in lock.targets],
        requires_python=requires_python(target.platform for target in lock.targets),
        created_by=lock.created_by,
        packages=_packages(lock, folder),
        tool={"ipexenv": _tool(lock, folder)},
    )
    pylock.validate()
    return _HEADER + tomli_w.dumps(pylock.to_dict())


def _packages(lock: Lock, folder: PurePosixPath) -> list[Package]:
    """Return one entry a project and version, with the wheels of every target that takes it."""
    found: dict[tuple[str, Version], list[tuple[Offer, LockedTarget]]] = {}
    for target in lock.targets:
        ready = () if target.bridge is None or target.bridge.wheel is None else (target.bridge.wheel,)
        for file in (*target.files, *ready):
            found.setdefault((file.project, file.version), []).append((file, target))
    return [
        Package(
            name=NormalizedName(project),
            version=version,
            marker=_marker([target for _, target in takers], lock),
            wheels=_wheels((file for file, _ in takers), folder),
        )
        for (project, version), takers in sorted(found.items())
    ]


def _marker(takers: list[LockedTarget], lock: Lock) -> Marker | None:
    if len(takers) == len(lock.targets):
        return None
    texts = dict.fromkeys(f"({marker_of(target.platform)})" for target in takers)
    return Marker(" or ".join(texts))


def _wheels(files: Iterable[Offer], folder: PurePosixPath) -> list[PackageWheel]:
    by_name = {file.filename: file for file in files}
    return [_wheel(file, place_of(file.url, folder)) for _, file in sorted(by_name.items())]


def _wheel(file: Offer, place: Mapping[str, str]) -> PackageWheel:
    hashes = {} if file.sha256 is None else {"sha256": file.sha256}
    return PackageWheel(
        name=file.filename, url=place.get("url"), path=place.get("path"), size=file.size_bytes, hashes=hashes
    )


def _tool(lock: Lock, folder: PurePosixPath) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "stack": lock.stack,
        "tables": lock.tables,
        "targets": [_target(target, folder) for target in lock.targets],
    }


def _target(target: LockedTarget, folder: PurePosixPath) -> dict[str, Any]:
    row = {
        **_platform(target.platform),
        "torch": str(target.torch),
        "pins": list(target.pins),
        "import-names": list(target.import_names),
        "constraints": list(target.constraints),
        "files": [file.filename for file in target.files],
        "by-url": [file.project for file in target.files if not file.configured],
        "sources": {file.project: file.source for file in target.files if file.source != usual_source(file.url)},
        "yanked": {file.project: file.yanked for file in target.files if file.yanked is not None},
        "ccl": {"provider": target.ccl, "version": None if target.ccl_version is None else str(target.ccl_version)},
        "bridge": None if target.bridge is None else _bridge(target.bridge, folder),
    }
    return _present({key: _present(value) if isinstance(value, dict) else value for key, value in row.items()})


def _platform(platform: LockedPlatform) -> dict[str, Any]:
    return {
        "python": str(platform.python),
        "implementation": platform.implementation,
        "free-threaded": platform.free_threaded,
        "system": platform.system,
        "architecture": platform.architecture,
        "libc": platform.libc_family,
        "libc-version": None if platform.libc_version is None else str(platform.libc_version),
    }


def _bridge(bridge: LockedBridge, folder: PurePosixPath) -> dict[str, Any]:
    parts = [
        _present(
            {
                "name": part.filename,
                "size": part.size_bytes,
                "sha256": part.sha256,
                "source": part.source if part.source != usual_source(part.url) else None,
                "by-url": not part.configured,
                **place_of(part.url, folder),
            }
        )
        for part in bridge.parts
    ]
    wheel = None if bridge.wheel is None else bridge.wheel.filename
    return _present({"version": str(bridge.version), "wheel": wheel, "parts": parts})


def _present(row: dict[str, Any]) -> dict[str, Any]:
    """Leave out what is None, for which TOML has no word, and tables in which nothing is left."""
    return {key: value for key, value in row.items() if value is not None and value != {}}
