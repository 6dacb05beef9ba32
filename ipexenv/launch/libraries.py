"""Find what the ranks could load: the OpenMP runtime that torch uses, allocators, Intel's OpenMP, numactl.

By files alone: importing torch to look at its mappings takes seconds.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from ipexenv.launch.setting import Libraries
from ipexenv.probe.elf import needed_libraries
from ipexenv.system.files import list_names, map_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ipexenv.facts import Facts
    from ipexenv.launch.setting import OpenMp
    from ipexenv.system.world import World

_NUMACTL_LIMIT_S = 10.0
_RUNTIMES: tuple[tuple[str, OpenMp], ...] = (("libiomp5", "intel"), ("libomp", "llvm"), ("libgomp", "gnu"))
_SYSTEM = ("/usr/local/lib", "/usr/local/lib64", "/usr/lib", "/usr/lib64")


def find_libraries(world: World, facts: Facts) -> Libraries:
    """Look into the target, the active conda or virtual environment, the user's and the system's folders.

    Intel's OpenMP counts only where torch uses GNU's, in whose place it can be loaded.
    """
    root = str(world.root).rstrip("/")
    folders = library_folders(facts.target.prefix, world.env, facts.host.architecture, root=root)
    torch = facts.installed.torch
    site = None if torch is None else torch.location or facts.target.site_packages
    openmp = openmp_of(site, folders[:1], world.env)
    return Libraries(
        openmp=openmp,
        iomp5=first_library(folders, ("iomp5",)) if openmp == "gnu" else None,
        tcmalloc=first_library(folders, ("tcmalloc", "tcmalloc_minimal")),
        jemalloc=first_library(folders, ("jemalloc",)),
        numactl=_numactl_works(world),
    )


def library_folders(
    prefix: str | None, env: Mapping[str, str], architecture: str, *, root: str = ""
) -> tuple[str, ...]:
    """Return where libraries are looked for, best first: where the launchers look, and Debian's folders too.

    The system's folders are those below ``root``.
    """
    roots = [prefix, env.get("CONDA_PREFIX"), env.get("VIRTUAL_ENV")]
    home = env.get("HOME")
    found = [f"{root}/lib" for root in roots if root]
    found += [f"{home}/.local/lib"] if home else []
    system = (*_SYSTEM, f"/usr/lib/{architecture}-linux-gnu")
    return tuple(dict.fromkeys([*found, *(f"{root}{folder}" for folder in system)]))


def first_library(folders: Iterable[str], stems: Sequence[str]) -> str | None:
    """Return the first ``lib<stem>.so`` in the folders, or where there is none such its highest version.

    Debian's packages for users hold ``libtcmalloc.so.4`` alone; the plain name comes with those for developers.
    """
    for folder in folders:
        names = list_names(folder)
        for stem in stems:
            pattern = re.compile(rf"lib{re.escape(stem)}\.so(?:\.[0-9.]*[0-9])?")
            matches = [name for name in names if pattern.fullmatch(name)]
            for name in sorted(matches, key=_by_version):
                if os.path.isfile(f"{folder}/{name}"):  # noqa: PTH113 (a dangling link must not be preloaded)
                    return f"{folder}/{name}"
    return None


def openmp_of(site_packages: str | None, folders: Sequence[str], env: Mapping[str, str]) -> OpenMp | None:
    """Return the OpenMP runtime that the torch in ``site_packages`` would use; None where nothing tells.

    What is preloaded comes first; then the library that libtorch_cpu.so asks for, beside it or in ``folders`` (conda's
    ``lib``), by the name of the real file: conda-forge has links from libgomp.so.1 to LLVM's.
    """
    preloaded = [part.rpartition("/")[2] for part in re.split("[: ]", env.get("LD_PRELOAD", ""))]
    chosen = next((runtime for name in preloaded if (runtime := _runtime(name))), None)
    if chosen is not None or site_packages is None:
        return chosen
    library = f"{site_packages}/torch/lib/libtorch_cpu.so"
    wanted = next((name for name in needed_libraries(map_bytes(library) or b"") if _runtime(name)), None)
    if wanted is None:
        return None
    for folder in (f"{site_packages}/torch/lib", f"{site_packages}/torch.libs", *folders):
        path = f"{folder}/{wanted}"
        if os.path.isfile(path):  # noqa: PTH113 (with the next)
            return _runtime(os.path.realpath(path).rpartition("/")[2]) or _runtime(wanted)
    return _runtime(wanted)


def _runtime(name: str) -> OpenMp | None:
    return next((runtime for stem, runtime in _RUNTIMES if re.match(rf"{stem}[-.]", name)), None)


def _by_version(name: str) -> tuple[bool, list[int]]:
    """Sort the plain name first, then the highest version, of equal ones the shortest, which survives updates."""
    digits = name.partition(".so")[2].strip(".")
    return digits != "", [-int(part) for part in digits.split(".") if part]


def _numactl_works(world: World) -> bool:
    """Say whether numactl is there and may bind memory, which containers mostly forbid."""
    import shutil  # noqa: PLC0415 (`env` and `run` alone ask)

    program = shutil.which("numactl", path=world.env.get("PATH", os.defpath))
    if program is None:
        return False
    tried = world.runner.run([program, "--localalloc", "true"], timeout_s=_NUMACTL_LIMIT_S, env=world.env)
    return tried.returncode == 0
