"""Look at the shared libraries of the installed packages, and at those that LD_LIBRARY_PATH leads to."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from ipexenv.doctor.homes import homes
from ipexenv.doctor.surroundings import LibraryUse
from ipexenv.probe.elf import asks_for_executable_stack, needed_libraries, own_name
from ipexenv.probe.ldcache import cached_paths
from ipexenv.probe.loader import LIBPYTHON, Loader
from ipexenv.system.files import Tree, map_bytes, read_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ipexenv.facts import Facts
    from ipexenv.system.world import World

_CACHE = "/etc/ld.so.cache"
_STANDARD = ("/lib", "/usr/lib", "/lib64", "/usr/lib64", "/usr/local/lib")
_OPENMP = ("libgomp", "libiomp5", "libomp.", "libomp-")
# Packages by what people call them, their folder, and the libraries in it that all others stand on.
_PACKAGES = (
    ("torch", "torch", ("lib/libtorch_cpu.so",)),
    ("IPEX", "intel_extension_for_pytorch", ("lib/libintel-ext-pt-cpu.so", "_C*.so")),
    ("the bindings", "oneccl_bindings_for_pytorch", ("lib/liboneccl_bindings_for_pytorch.so", "_C*.so")),
    ("the bindings", "torch_ccl", ("lib/libtorch_ccl.so", "_C*.so")),
)
_OF_THE_SYSTEM = re.compile(r"lib(python3|xml2|z|zstd|gomp|stdc\+\+|numa|gcc_s|rt|dl|m|c|pthread)\b")
"""What torch takes from the system; it finds everything else that it asks for, as GPU libraries, in other packages."""

KINDS = {"libmpi": r"libmpi\.so\.12(\..*)?", "libfabric": r"libfabric\.so\.1(\..*)?", "libiomp5": r"libiomp5\.so"}
"""Libraries of which the loader takes the first: names of files by kind."""
_OWN_FOLDERS = ("lib", "opt/mpi/lib", "opt/mpi/lib/release", "opt/mpi/libfabric/lib")
_BRINGING = ("intel_extension_for_pytorch", "oneccl_bindings_for_pytorch", "ipexenv_oneccl_bridge")


def look_at_libraries(world: World, facts: Facts) -> tuple[LibraryUse, ...]:
    """Return what the libraries of torch, IPEX and the bindings ask for; nothing is loaded."""
    if facts.host.system != "linux":
        return ()
    sites = [Path(home) for home in homes(facts)]
    files = [
        (words, site / folder, path)
        for words, folder, patterns in _PACKAGES
        for site in _first_with(sites, folder)
        for pattern in patterns
        for path in sorted((site / folder).glob(pattern))
    ]
    read = [(words, folder, path, map_bytes(str(path)) or b"") for words, folder, path in files]
    needed = {path: needed_libraries(data) for _, _, path, data in read}
    loader = _loader(world, facts, {name for names in needed.values() for name in names})
    return tuple(
        LibraryUse(
            package=words,
            path=str(path),
            executable_stack=asks_for_executable_stack(data),
            openmp=_openmp(needed[path], folder),
            not_found=tuple(
                name
                for name in needed[path]
                if (words != "torch" or _OF_THE_SYSTEM.match(name))
                and not _is_found(name, [folder, *(site / "torch" for site in sites)], loader, facts)
            ),
        )
        for words, folder, path, data in read
        if needed[path]
    )


def _first_with(sites: list[Path], folder: str) -> list[Path]:
    """Return the first of ``sites`` that holds ``folder``: Python imports it from there."""
    return [site for site in sites if (site / folder).is_dir()][:1]


def _loader(world: World, facts: Facts, names: set[str]) -> Loader:
    """Return the loader as far as files show it; see ``probe.loader``."""
    tree = Tree.at(world.root)
    named = [folder for folder in re.split("[:;]", world.env.get("LD_LIBRARY_PATH", "")) if folder.startswith("/")]
    prefix = [f"{facts.target.prefix}/lib"] if facts.target.prefix else []
    machine = facts.host.architecture
    multiarch = [f"{folder}/{machine}-linux-gnu" for folder in _STANDARD[:2]]
    cached = cached_paths(read_bytes(tree.path(_CACHE)) or b"", names, machine)
    return Loader(tree=tree, first=(*prefix, *named), cached=cached, standard=(*multiarch, *_STANDARD))


def _is_found(name: str, folders: list[Path], loader: Loader, facts: Facts) -> bool:
    """Say whether something has the library; of libpython the facts know more (the program may bring it).

    ``folders`` are those of its own package and of torch, which is imported before.
    """
    if name.startswith(LIBPYTHON) and LIBPYTHON in (facts.target.libraries or ()):
        return True
    if name.startswith("ld-linux") or loader.find(name) is not None:
        return True
    own, *others = folders
    # What a package loads first, and what `ipexenv env` puts onto the path, is no loss.
    return any((folder / "lib" / name).exists() for folder in others) or next(own.rglob(name), None) is not None


def _openmp(needed: tuple[str, ...], folder: Path) -> str | None:
    name = next((name for name in needed if name.startswith(_OPENMP)), None)
    if name is None:
        return None
    brought = (path for path in (folder / "lib" / name, folder.parent / "torch.libs" / name) if path.is_file())
    return next((own_name(map_bytes(str(path)) or b"") for path in brought), None) or name


def lost_preloads(world: World, facts: Facts, names: Sequence[str]) -> tuple[str, ...]:
    """Return those of ``names`` in LD_PRELOAD, without a folder, that the loader would not find.

    What it fills in itself (``$LIB``) is left alone, and where its cache cannot be read nothing is said.
    """
    bare = [name for name in names if "/" not in name and "$" not in name]
    if not bare or read_bytes(Tree.at(world.root).path(_CACHE)) is None:
        return ()
    loader = _loader(world, facts, set(bare))
    return tuple(name for name in bare if loader.find(name) is None)


def copies_on_path(env: Mapping[str, str], prefix: str | None) -> Iterator[tuple[str, str]]:
    """Give each kind of library that LD_LIBRARY_PATH leads to outside ``prefix``, with its path; the first of each."""
    found: set[str] = set()
    for folder in env.get("LD_LIBRARY_PATH", "").split(":"):
        if not folder.startswith("/") or (prefix is not None and f"{folder}/".startswith(f"{prefix.rstrip('/')}/")):
            continue
        for kind, name in _named(folder):
            if kind not in found:
                found.add(kind)
                yield kind, f"{folder.rstrip('/')}/{name}"


def own_copies(sites: Sequence[str], prefix: str | None) -> Iterator[tuple[str, str]]:
    """Give each copy that the packages of the target bring."""
    folders = [f"{site}/{package}/{folder}" for site in sites for package in _BRINGING for folder in _OWN_FOLDERS]
    for folder in (*folders, *([f"{prefix}/lib"] if prefix else [])):
        for kind in KINDS:
            first = next((name for found, name in _named(folder) if found == kind), None)
            if first is not None:
                yield kind, f"{folder}/{first}"


def _named(folder: str) -> Iterator[tuple[str, str]]:
    try:
        names = sorted(os.listdir(folder))  # noqa: PTH208 (names, not paths)
    except (OSError, ValueError):
        return
    for name in names:
        for kind, pattern in KINDS.items():
            if re.fullmatch(pattern, name):
                yield kind, name
