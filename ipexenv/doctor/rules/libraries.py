"""What the shared libraries of the packages ask for, and copies of one library that stand in each other's way. Pure."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from packaging.version import Version

from ipexenv.doctor.finding import Finding
from ipexenv.doctor.surroundings import OPEN_MPI

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ipexenv.doctor.surroundings import Surroundings

STRICT_GLIBC = Version("2.41")
"""The first that refuses to load a library which asks for an executable stack (its release notes)."""

_TRUE = frozenset({"1", "true", "yes", "on", "t"})
_BRINGS = {
    "libpython": "use a Python that was built with --enable-shared (the distribution's, conda's)",
    "libxml2.so.2": "`apt-get install libxml2` (Debian 13 and newer have only another version of it: take IPEX 2.8)",
    "libzstd.so.1": "`apt-get install libzstd1`, or `dnf install libzstd`",
    "libz.so.1": "`apt-get install zlib1g`, or `dnf install zlib`",
    "libgomp.so.1": "`apt-get install libgomp1`, or `dnf install libgomp`",
    "libstdc++.so.6": "`apt-get install libstdc++6`, or `dnf install libstdc++`",
}


def library_missing(seen: Surroundings) -> Iterator[Finding]:
    """Report a system library that an installed one asks for and the loader does not find, libpython among them."""
    for use in seen.libraries:
        for name in use.not_found:
            known = next((cure for key, cure in _BRINGS.items() if name.startswith(key)), None)
            yield Finding(
                id="library-missing",
                severity="error",
                summary=f"{use.package} needs {name}, which the loader does not find",
                evidence=(f"NEEDED in {use.path}",),
                cause="this Python is linked without a shared libpython"
                if name.startswith("libpython")
                else "the wheel does not bring it, and the system package that holds it is not installed",
                cure=known or f"install the system package that holds {name}",
            )


def stack_flag(seen: Surroundings) -> Iterator[Finding]:
    """Report a library that asks for an executable stack: glibc 2.41 and newer refuse to load it."""
    libc = seen.facts.host.libc
    asking = [use for use in seen.libraries if use.executable_stack]
    if not asking or libc.family == "musl" or libc.version is None:
        return
    refused = libc.version >= STRICT_GLIBC
    yield Finding(
        id="execstack",
        severity="error" if refused else "info",
        summary=f"{asking[0].package} asks for an executable stack"
        + (f", which glibc {libc.version} refuses" if refused else f": glibc {libc.version} grants it, 2.41 will not"),
        evidence=tuple(f"PT_GNU_STACK of {use.path}" for use in asking),
        cause="it was linked with a mark that it does not need; IPEX 2.8 is without"
        + ("" if refused else ". Debian 13, Ubuntu 25.04 and Fedora 42 have that glibc"),
        cure=f"`patchelf --clear-execstack {asking[0].path}`, or `ipexenv install{seen.target_words} --torch 2.8 "
        "--allow-torch-change`",
    )


def two_openmp(seen: Surroundings) -> Iterator[Finding]:
    """Report that torch and what extends it ask for different OpenMP runtimes, which then share one process."""
    if re.search(r"lib(iomp5|omp)\.so", seen.env.get("LD_PRELOAD", "")):
        return  # it answers for all of them
    asked = {use.openmp: use for use in reversed(seen.libraries) if use.openmp is not None}
    if len(asked) > 1:
        yield Finding(
            id="two-openmp",
            severity="warning",
            summary=f"two OpenMP runtimes meet in one process: {' and '.join(asked)}",
            evidence=tuple(f"{name}, asked for by {use.path}" for name, use in asked.items()),
            cause="two packages bring their own; their threads and settings do not know of each other",
            cure="start with `ipexenv run`, which preloads one for both where that helps",
        )


def openmp_silenced(seen: Surroundings) -> Iterator[Finding]:
    """Report that the warning about two OpenMP runtimes is switched off."""
    value = seen.env.get("KMP_DUPLICATE_LIB_OK", "")
    if value.lower() in _TRUE:
        yield Finding(
            id="openmp-silenced",
            severity="warning",
            summary="KMP_DUPLICATE_LIB_OK hides that two OpenMP runtimes are in one process",
            evidence=(f"KMP_DUPLICATE_LIB_OK={value}",),
            cause="libiomp5 stops when it meets another copy; with this it goes on, with wrong results as a risk",
            cure="`unset KMP_DUPLICATE_LIB_OK`, and start with `ipexenv run`, which preloads one runtime for all",
        )


def foreign_library(seen: Surroundings) -> Iterator[Finding]:
    """Report that LD_LIBRARY_PATH puts another MPI or libfabric before the one that the target brings."""
    own = dict(seen.own_copies)
    for kind, path in seen.on_path:
        if kind in own and kind != "libiomp5":
            yield Finding(
                id=f"two-{kind}",
                severity="warning",
                summary=f"LD_LIBRARY_PATH leads to a second {kind}: {path}",
                evidence=(f"LD_LIBRARY_PATH={seen.env.get('LD_LIBRARY_PATH', '')}", f"the target's own: {own[kind]}"),
                cause="the loader takes the first that it finds, for all of the process",
                cure=f"take {PurePosixPath(path).parent} out of LD_LIBRARY_PATH, or open a shell in which oneAPI's "
                "setvars.sh was not sourced",
            )


def open_mpi_first(seen: Surroundings) -> Iterator[Finding]:
    """Report that mpirun on PATH is Open MPI's, beside a ccl backend that is built for Intel's."""
    installed = seen.facts.installed
    if seen.mpirun is None or not (installed.bindings or installed.bridge):
        return
    if PurePosixPath(seen.mpirun).name in OPEN_MPI:
        yield Finding(
            id="open-mpi-first",
            severity="info",
            summary="mpirun here is Open MPI's, and oneCCL's MPI transport is made for Intel MPI",
            evidence=(f"mpirun is {seen.mpirun}",),
            cause="scripts that read PMI_RANK see rank 0 of 1 in every process; CCL_ATL_TRANSPORT=mpi does not work",
            cure=f"`ipexenv run{seen.target_words} SCRIPT` sets every rank's variables whichever launcher there is; "
            f"`ipexenv install{seen.target_words} --mpi` brings Intel MPI",
        )


RULES = (library_missing, stack_flag, two_openmp, openmp_silenced, foreign_library, open_mpi_first)
