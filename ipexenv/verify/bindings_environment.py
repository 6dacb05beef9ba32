"""The environment that Intel's bindings need in the checks. Pure: the caller tells what exists.

Layouts of the package are ``launch.provider_environment``'s concern.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ipexenv.launch.provider_environment import ASKED_FOLDERS, package_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import PurePosixPath


def bindings_environment(
    package: PurePosixPath, exists: Callable[[PurePosixPath], bool], env: Mapping[str, str]
) -> dict[str, str]:
    """Return the variables to set for a process that imports the bindings in ``package``; what the user set stays."""
    folders = {name for name in ASKED_FOLDERS if exists(package / name)}
    wanted = {setting.name: setting.value for setting in package_settings(str(package), folders, env)}
    wanted.pop("PATH", None)  # the checks start ranks without the package's mpirun
    if env.get("FI_PROVIDER_PATH"):
        wanted.pop("FI_PROVIDER_PATH", None)
    return wanted


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
