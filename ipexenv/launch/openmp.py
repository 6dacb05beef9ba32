"""The OpenMP runtime's variables, by the runtime that torch really uses. Pure.

Intel's and LLVM's read KMP_*, GNU's does not. For GNU's ``ipexrun`` sets OMP_PROC_BIND=CLOSE, which is not done here:
libgomp binds the main thread to one CPU, and every thread and process that it starts inherits that, so all workers of a
DataLoader and the thread of a collective run on that one CPU (seen with torch 2.8 and 2.13; Intel's runtime undoes it
in children). The rank as a whole is bound instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ipexenv.launch.setting import Setting

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ipexenv.launch.setting import OpenMp

COMPACT = "granularity=fine,compact,1,0"
"""One thread a core, in order, within the CPUs that the process may use; second hyper-threads last."""


def runtime_settings(runtime: OpenMp | None) -> tuple[Setting, ...]:
    """Return what holds for all ranks, whichever CPUs they have."""
    if runtime in {"intel", "llvm"}:
        reason = "threads that wait give their CPU away after 1 ms instead of 200 (Intel's and LLVM's OpenMP)"
        return (Setting(name="KMP_BLOCKTIME", value="1", reason=reason),)
    if runtime == "gnu":
        reason = "equal parts for all threads of a loop that leaves the choice open (GNU OpenMP)"
        return (Setting(name="OMP_SCHEDULE", value="STATIC", reason=reason),)
    return ()


def runtime_notes(runtime: OpenMp | None, own: Mapping[str, str]) -> tuple[str, ...]:
    """Return a warning where the user ties GNU's threads to CPUs."""
    name = next((name for name in ("GOMP_CPU_AFFINITY", "OMP_PLACES", "OMP_PROC_BIND") if name in own), None)
    if runtime != "gnu" or name is None or own.get("OMP_PROC_BIND", "true").lower() == "false":
        return ()
    return (f"{name}={own[name]} is yours: with GNU's OpenMP all workers of a DataLoader then run on one CPU",)


def binding_settings(
    runtime: OpenMp | None, computing: Sequence[int], *, threads: int, whole: bool
) -> tuple[Setting, ...]:
    """Return what ties the threads of one rank to the CPUs ``computing``; nothing for GNU's runtime, see above.

    ``whole`` says that the rank is bound to exactly these CPUs, so that they need not be listed.
    """
    if runtime not in {"intel", "llvm"} or threads < 2 or threads > len(computing):  # noqa: PLR2004 (one thread needs no order)
        return ()
    listed = f"granularity=fine,proclist=[{','.join(map(str, computing))}],explicit"
    reason = "one thread on each core that computes, so that none moves (Intel's and LLVM's OpenMP)"
    return (Setting(name="KMP_AFFINITY", value=COMPACT if whole else listed, reason=reason),)


def thread_limit(own: Mapping[str, str]) -> int | None:
    """Return the user's OMP_THREAD_LIMIT; with more threads than that a backward pass can hang (IPEX tuning guide)."""
    return positive(own, "OMP_THREAD_LIMIT")


def positive(own: Mapping[str, str], name: str) -> int | None:
    """Return a variable that holds a number above 0, None where it does not; of ``4,2`` (nested levels) the first."""
    text = own.get(name, "").partition(",")[0].strip()
    return int(text) if text.isascii() and text.isdigit() and int(text[:9]) > 0 and len(text) < 9 else None  # noqa: PLR2004 (digits enough for any count)
