"""The environment that Intel's bindings need, by the layout of their package. Pure: the caller tells what exists.

Replaces ``source <package>/env/setvars.sh``, which the bindings want since 2.3.0 and which works in a few shells only.
Layouts: MPI in ``lib`` and providers in ``lib/prov`` up to 2.3.0, all below ``opt/mpi`` since 2.4.0 (setup.py of
torch-ccl and cmake/setvars.sh.in of oneCCL at the releases' tags).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import PurePosixPath


def bindings_environment(
    package: PurePosixPath, exists: Callable[[PurePosixPath], bool], env: Mapping[str, str]
) -> dict[str, str]:
    """Return the variables to set for a process that imports the bindings in ``package``; what the user set stays."""
    mpi = package / "opt" / "mpi"
    bundled = exists(mpi)
    libraries = [package / "lib", mpi / "lib", mpi / "libfabric" / "lib"]
    providers = mpi / "libfabric" / "lib" / "prov" if bundled else package / "lib" / "prov"
    known = [str(folder) for folder in libraries if exists(folder)]
    own = {
        "CCL_ROOT": str(package),
        "I_MPI_ROOT": str(mpi if bundled else package),
        "LD_LIBRARY_PATH": _joined([*known, env.get("LD_LIBRARY_PATH", "")]),
    }
    if exists(providers):
        own["FI_PROVIDER_PATH"] = env.get("FI_PROVIDER_PATH") or str(providers)
    return own


def single_host_environment(cpus: Sequence[int], ranks: int, env: Mapping[str, str]) -> dict[str, str]:
    """Return what oneCCL needs where all ``ranks`` are plain processes of one host; what the user set stays.

    ``lo`` is on every host, and oneCCL finds no interface by itself where there is no other. Workers are pinned to
    ``cpus``, since oneCCL's own choice may lie outside of what affinity and cgroup allow.
    """
    wanted = {
        "CCL_ATL_TRANSPORT": "ofi",
        "CCL_PROCESS_LAUNCHER": "none",
        "CCL_WORKER_COUNT": "1",
        "CCL_KVS_IFACE": "lo",
        "FI_PROVIDER": "tcp",
    }
    if cpus and env.get("CCL_WORKER_COUNT", "1") == "1":
        wanted["CCL_WORKER_AFFINITY"] = ",".join(str(cpus[-1 - rank % len(cpus)]) for rank in range(ranks))
    return _completed(wanted, env)


def hosts_environment(env: Mapping[str, str]) -> dict[str, str]:
    """Return what oneCCL needs where the ranks are on several hosts; what the user set stays.

    Interface, CPUs and place differ from host to host: the keeper of each rank adds them there.
    """
    wanted = {
        "CCL_ATL_TRANSPORT": "ofi",
        "CCL_PROCESS_LAUNCHER": "none",
        "CCL_WORKER_COUNT": "1",
        "FI_PROVIDER": "tcp",
    }
    return _completed(wanted, env)


def _completed(wanted: Mapping[str, str], env: Mapping[str, str]) -> dict[str, str]:
    known = {name: env.get(name) or value for name, value in wanted.items()}
    # At this level oneCCL tells its version when it starts, which is what proves that it did.
    told = env.get("CCL_LOG_LEVEL", "")
    return {**known, "CCL_LOG_LEVEL": told if told in {"debug", "trace"} else "info"}


def _joined(parts: Sequence[str]) -> str:
    return ":".join(part for part in parts if part)
