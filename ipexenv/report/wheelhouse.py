"""What `wheelhouse` says to people, and its JSON data."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from ipexenv.lock.names import LOCK_NAME
from ipexenv.report.lock import lock_data

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from ipexenv.wheelhouse.filling import House

_MB = 1_000_000
_NAMED = 3


def house_data(house: House) -> dict[str, Any]:
    """Return the JSON ``data`` of ``wheelhouse``."""
    locked = lock_data(house.lock, str(house.folder / LOCK_NAME))
    return {
        "folder": str(house.folder),
        "lock": locked.pop("file"),
        "changed": house.changed,
        "fetched": list(house.fetched),
        "built": list(house.built),
        "written": list(house.written),
        "missing": [],
        "others": list(house.others),
        "files": [
            {
                "filename": file.filename,
                "sha256": file.sha256,
                "size_bytes": (house.folder / file.filename).stat().st_size,
            }
            for file in house.files
        ],
        **{key: value for key, value in locked.items() if key != "file"},
    }


def show_house(console: Console, *, house: House, named: str) -> None:
    """Print what is in the folder, what was done, and how to use it."""
    for line in house_lines(house, named):
        console.print(line)


def house_lines(house: House, named: str) -> Iterator[str]:
    """Yield it line by line; ``named`` is the folder as the user wrote it."""
    sizes = [(house.folder / file.filename).stat().st_size for file in house.files]
    yield f"{named}: {_count(len(sizes), 'wheel')}, {sum(sizes) / _MB:.1f} MB"
    for target in house.lock.targets:
        count = len(target.files) + (target.bridge is not None)
        yield f"  {target.platform.words}: torch {target.torch}, ccl {target.ccl}, {_count(count, 'wheel')}"
    done = [f"{len(house.fetched)} fetched"] if house.fetched else []
    done += [f"{name} built" for name in house.built]
    if done:
        yield ", ".join(done)
    elif not house.changed:
        yield "everything was there already"
    if house.others:
        more = f" and {len(house.others) - _NAMED} more" if len(house.others) > _NAMED else ""
        yield f"not of this lock, and left alone: {', '.join(house.others[:_NAMED])}{more}"
    yield f"install from it with `ipexenv install --offline --source {shlex.quote(named)}`"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
