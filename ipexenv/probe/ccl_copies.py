"""Where another oneCCL lies than the one that the ccl backend brings: whichever is loaded first serves them all."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ipexenv.facts import Package
    from ipexenv.probe.target import TargetReport

LIBRARY = "libccl.so.1"
"""The soname that Intel's bindings ask the loader for, and IPEX 2.3 to 2.7 as well."""
_BACKENDS = ("/oneccl_bindings_for_pytorch/", "/ipexenv_oneccl_bridge/")


def other_ccl(
    report: TargetReport, ipex: Package | None, env: Mapping[str, str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the copies of libccl outside the backend's package: those in the environment, and those beside it.

    In the environment are IPEX's own and what Intel's ``oneccl`` puts into ``lib``; beside it what LD_LIBRARY_PATH
    names, which the loader takes before the copy of Intel's bindings.
    """
    inside = dict.fromkeys(path for path in _inside(report, ipex) if _is_other(path))
    named = re.split("[:;]", env.get("LD_LIBRARY_PATH", ""))
    paths = (f"{folder.rstrip('/')}/{LIBRARY}" for folder in named if folder.startswith("/"))
    beside = dict.fromkeys(path for path in paths if _is_other(path) and path not in inside)
    return tuple(inside), tuple(beside)


def _inside(report: TargetReport, ipex: Package | None) -> Iterator[str]:
    if ipex is not None and ipex.location is not None:
        yield f"{ipex.location}/intel_extension_for_pytorch/lib/{LIBRARY}"
    yield f"{report.prefix}/lib/{LIBRARY}"


def _is_other(path: str) -> bool:
    return os.path.isfile(path) and not any(package in os.path.realpath(path) for package in _BACKENDS)  # noqa: PTH113 (start-up time: `status` looks)
