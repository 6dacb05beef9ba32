"""Which libraries are loaded before all others: a faster allocator, Intel's OpenMP. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ipexenv.launch.precedence import prefixed
from ipexenv.launch.setting import Setting

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ipexenv.launch.setting import Allocator, Libraries

MALLOC_CONF = "oversize_threshold:1,background_thread:true,metadata_thp:auto"
"""jemalloc's settings of ``ipexrun`` and of ``torch.backends.xeon.run_cpu``."""

_ALLOCATORS = ("tcmalloc", "jemalloc", "mimalloc", "tbbmalloc")


def preload_settings(
    libraries: Libraries, wanted: Allocator, env: Mapping[str, str], *, distributed: bool
) -> tuple[tuple[Setting, ...], tuple[str, ...]]:
    """Return LD_PRELOAD and what belongs to it, with notes on what could not be had.

    The user's own entries stay; an allocator among them is kept and none is added.
    """
    present = [part for part in re.split("[: ]", env.get("LD_PRELOAD", "")) if part]
    kind, path, notes = _allocator(libraries, wanted, present, distributed=distributed)
    added = [entry for entry in (path, libraries.iomp5) if entry is not None]
    unusable = [entry for entry in added if re.search(r"[\s:]", entry)]
    notes += [f"{entry} cannot be preloaded: LD_PRELOAD has no way to write its path" for entry in unusable]
    added = [entry for entry in added if entry not in unusable and not _stands_for(entry, present)]
    found = []
    if added:
        reason = " and ".join(_words(entry) for entry in added)
        value = prefixed(added, ":".join(present))
        found.append(Setting(name="LD_PRELOAD", value=value, reason=reason))
    if kind == "jemalloc" and path not in unusable:
        reason = "memory given back in the background, large blocks apart (jemalloc)"
        found.append(Setting(name="MALLOC_CONF", value=MALLOC_CONF, reason=reason))
    return tuple(found), tuple(notes)


def _allocator(
    libraries: Libraries, wanted: Allocator, present: list[str], *, distributed: bool
) -> tuple[str | None, str | None, list[str]]:
    """Return the kind of allocator, the path to preload, and notes."""
    own = next((kind for kind in _ALLOCATORS if any(kind in part for part in present)), None)
    if own is not None:
        return own, None, []
    if wanted == "default":
        return None, None, []
    if wanted != "auto":
        path = libraries.tcmalloc if wanted == "tcmalloc" else libraries.jemalloc
        return wanted if path else None, path, [] if path else [f"{wanted} is not installed; the C library's is used"]
    if libraries.tcmalloc:
        return "tcmalloc", libraries.tcmalloc, []
    if libraries.jemalloc and not distributed:  # ipexrun leaves it out where ranks work together, too
        return "jemalloc", libraries.jemalloc, []
    return None, None, []


def _stands_for(entry: str, present: list[str]) -> bool:
    """Say whether the same library is preloaded already, perhaps from elsewhere."""
    name = entry.rpartition("/")[2].partition(".so")[0]
    return entry not in present and any(part.rpartition("/")[2].partition(".so")[0] == name for part in present)


def _words(entry: str) -> str:
    if "iomp5" in entry:
        return "Intel's OpenMP in place of the one that torch brings"
    return f"{entry.rpartition('/')[2]} reuses memory faster than the C library's allocator"
