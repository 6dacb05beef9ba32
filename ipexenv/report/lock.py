"""What `lock` and `export` say to people, and their JSON data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ipexenv.tables.bridge import BRIDGE_PROJECT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from ipexenv.lock.model import Lock, LockedTarget

_MB = 1_000_000


def lock_data(lock: Lock, file: str) -> dict[str, Any]:
    """Return the JSON ``data`` of ``lock``."""
    return {
        "file": file,
        "stack": lock.stack,
        "tables": lock.tables,
        "targets": [_target_data(target) for target in lock.targets],
    }


def show_lock(console: Console, *, lock: Lock, file: str) -> None:
    """Print what is locked, target by target."""
    for line in lock_lines(lock, file):
        console.print(line)


def lock_lines(lock: Lock, file: str) -> Iterator[str]:
    """Yield the file's name, and for each target its pins, the number of files and their size."""
    yield f"wrote {file}"
    for target in lock.targets:
        yield f"{target.platform.words}:"
        versions = {entry.project: str(entry.version) for entry in target.files}
        versions |= {BRIDGE_PROJECT: str(target.bridge.version)} if target.bridge else {}
        width = max((len(name) for name in target.pins), default=0)
        for name in target.pins:
            project = name.lower().replace("_", "-")
            built = "  built where it is installed" if project == BRIDGE_PROJECT else ""
            yield f"  {name:<{width}}  {versions[project]}{built}"
        yield f"  {_amount(target)}"


def export_data(format_name: str, target: LockedTarget, *, text: str, file: str | None) -> dict[str, Any]:
    """Return the JSON ``data`` of ``export``; ``text`` stands in it where it goes to no file."""
    return {
        "format": format_name,
        "target": {"python": target.platform.minor, "architecture": target.platform.architecture},
        "packages": len(target.files),
        "file": file,
        "text": text if file is None else None,
    }


def _target_data(target: LockedTarget) -> dict[str, Any]:
    platform = target.platform
    return {
        "python": platform.minor,
        "platform": f"{platform.system}_{platform.architecture}",
        "torch": str(target.torch),
        "ccl": {"provider": target.ccl, "version": None if target.ccl_version is None else str(target.ccl_version)},
        "pins": list(target.pins),
        "packages": [
            {
                "name": entry.project,
                "version": str(entry.version),
                "filename": entry.filename,
                "sha256": entry.sha256,
                "size_bytes": entry.size_bytes,
                "source": entry.source,
            }
            for entry in target.files
        ],
        "built": None
        if target.bridge is None
        else {
            "name": BRIDGE_PROJECT,
            "version": str(target.bridge.version),
            "parts": [{"filename": part.filename, "sha256": part.sha256} for part in target.bridge.parts],
        },
    }


def _amount(target: LockedTarget) -> str:
    sizes = [entry.size_bytes for entry in target.files]
    known = sum(size for size in sizes if size is not None)
    unknown = sizes.count(None)
    more = f", {unknown} of unknown size" if unknown else ""
    return f"{len(sizes)} files, {known / _MB:.1f} MB{more}"
