"""What `cache` says: to people, and as JSON data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

    from ipexenv.fetch.cache import CacheContents

_MB = 1_000_000


def cache_data(contents: CacheContents) -> dict[str, Any]:
    """Return the JSON ``data`` of ``cache info``, and of what ``cache clear`` removed."""
    return {
        "folder": str(contents.folder),
        "files": contents.files,
        "size_bytes": contents.size_bytes,
        "partial_files": contents.partial_files,
        "partial_bytes": contents.partial_bytes,
    }


def show_contents(console: Console, *, contents: CacheContents) -> None:
    """Print where the cache is and what it holds."""
    console.print(f"folder      {contents.folder}")
    console.print(f"files       {_amount(contents.files, contents.size_bytes)}")
    console.print(f"unfinished  {_amount(contents.partial_files, contents.partial_bytes)}")


def show_cleared(console: Console, *, removed: CacheContents) -> None:
    """Print what was removed."""
    files, size_bytes = removed.files + removed.partial_files, removed.size_bytes + removed.partial_bytes
    if not files:
        console.print(f"nothing to remove in {removed.folder}")
    else:
        console.print(
            f"removed {files} file{'' if files == 1 else 's'} ({size_bytes / _MB:.1f} MB) in {removed.folder}"
        )


def _amount(files: int, size_bytes: int) -> str:
    return f"{files} ({size_bytes / _MB:.1f} MB)" if files else "none"
