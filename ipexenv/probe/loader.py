"""Which shared libraries the target's loader would find, and how new its libstdc++ is."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from packaging.version import Version

from ipexenv.probe.ldcache import cached_paths
from ipexenv.system.files import map_bytes, read_bytes

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from mmap import mmap

    from ipexenv.probe.learnt import Learnt
    from ipexenv.probe.target import TargetReport
    from ipexenv.system.files import Tree

LIBPYTHON = "libpython"
"""Stands for the target's own ``libpython3.X.so.1.0`` in ``Target.libraries``."""

_LIBSTDCXX = "libstdc++.so.6"
SOUGHT = ("libxml2.so.2", "libz.so.1", "libzstd.so.1")
"""What is looked for where nobody names libraries: those that some working IPEX release of our own tables needs."""
_CACHE = "/etc/ld.so.cache"
_STANDARD = ("/lib", "/usr/lib", "/lib64", "/usr/lib64", "/usr/local/lib")
_GLIBCXX = re.compile(rb"GLIBCXX_3\.4\.(?<=\x00GLIBCXX_3\.4\.)(\d{1,3})(?=\x00)")
"""A whole string; its first zero byte is looked back at, because a search that begins with one takes twice as long."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Loader:
    """The search order of the dynamic loader, as far as files show it."""

    tree: Tree
    first: tuple[str, ...]
    """Directories of the target's own files that come first: conda's ``lib``, then LD_LIBRARY_PATH."""
    cached: Mapping[str, str]
    standard: tuple[str, ...]

    @classmethod
    def of(cls, tree: Tree, report: TargetReport, env: Mapping[str, str], names: Collection[str]) -> Loader:
        """Return the loader of this target; ``names`` are the libraries that will be asked for.

        conda's Pythons carry a DT_RPATH to their own ``lib``, which the loader searches even before LD_LIBRARY_PATH.
        """
        conda = [f"{report.base_prefix}/lib"] if report.base_conda and report.base_prefix else []
        named = [folder for folder in re.split("[:;]", env.get("LD_LIBRARY_PATH", "")) if folder.startswith("/")]
        multiarch = [f"{folder}/{report.multiarch}" for folder in _STANDARD[:2]] if report.multiarch else []
        return cls(
            tree=tree,
            first=(*conda, *named),
            cached=cached_paths(read_bytes(tree.path(_CACHE)) or b"", names, report.machine),
            standard=(*multiarch, *_STANDARD),
        )

    def find(self, name: str) -> str | None:
        """Return the path at which the loader would find the library ``name``, None where it would not."""
        for folder in self.first:
            if os.path.isfile(f"{folder}/{name}"):  # noqa: PTH113 (dozens of them: pathlib doubles the time)
                return f"{folder}/{name}"
        candidates = [self.cached[name]] if name in self.cached else []
        candidates += [f"{folder}/{name}" for folder in self.standard]
        paths = [self.tree.path(path) for path in candidates]
        return next((path for path in paths if os.path.isfile(path)), None)  # noqa: PTH113 (as above)


def look_at_libraries(
    tree: Tree, report: TargetReport, env: Mapping[str, str], learnt: Learnt, *, names: Collection[str] = SOUGHT
) -> tuple[Version | None, tuple[str, ...] | None]:
    """Return the newest GLIBCXX of the libstdc++ that the target would load, and which of ``names`` it would find.

    The target's own libpython is looked for always, under the name ``libpython``.
    """
    if report.system != "linux":
        return None, None
    own = f"libpython{report.version.major}.{report.version.minor}{report.abiflags}.so.1.0"
    sought = sorted(set(names) - {LIBPYTHON})
    loader = Loader.of(tree, report, env, (_LIBSTDCXX, own, *sought))
    found = [name for name in sought if loader.find(name)]
    mapped = next((path for path in report.mapped if path.rpartition("/")[2] == own), None)
    libpython = mapped or loader.find(own)
    learnt.note("target.libraries", f"{LIBPYTHON}: {libpython or f'the loader finds no {own}'}")
    return _newest_glibcxx(loader, env, learnt), (*found, *([LIBPYTHON] if libpython else []))


def glibcxx_of(data: bytes | mmap) -> Version | None:
    """Return the newest ``GLIBCXX_3.4.N`` that a libstdc++ defines, from its bytes."""
    found = [int(match) for match in _GLIBCXX.findall(data)]
    return Version(f"3.4.{max(found)}") if found else None


def _newest_glibcxx(loader: Loader, env: Mapping[str, str], learnt: Learnt) -> Version | None:
    preloaded = (path for path in re.split("[: ]", env.get("LD_PRELOAD", "")) if "/libstdc++.so" in path)
    path = next(preloaded, None) or loader.find(_LIBSTDCXX)
    if path is None:
        learnt.note("target.glibcxx", f"the loader finds no {_LIBSTDCXX}")
        return None
    learnt.note("target.glibcxx", path)
    return glibcxx_of(map_bytes(path) or b"")
