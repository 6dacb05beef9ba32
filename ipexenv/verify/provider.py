"""Which library really moves the data, and over what: evidence from the ranks, in words. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ipexenv.outcome import CclProvider

_LIBRARY_VERSION = re.compile(r"library version: (?:Gold-)?(?P<version>\S+)")
_BRIDGE_PACKAGE = "ipexenv_oneccl_bridge"


@dataclass(frozen=True, kw_only=True, slots=True)
class OneCcl:
    """The oneCCL that a group ran on."""

    version: str | None
    """As it told itself; None where it never did."""
    file: str | None
    transport: str | None
    """``ofi`` or ``mpi``."""
    fabric: str
    """What carries the data, as ``shm``, ``tcp`` or ``tcp, shm``; empty where nothing tells."""
    interface: str | None
    """Network interface on rank 0's host; None where it is not for oneCCL to choose."""

    @classmethod
    def of(cls, rows: Sequence[Mapping[str, Any]], version: str | None, *, host_count: int) -> OneCcl:
        """Read it from what the ranks told."""
        row = rows[0]
        settings: Mapping[str, str] = row.get("settings") or {}
        transport = settings.get("CCL_ATL_TRANSPORT")
        return cls(
            version=version,
            file=_main_library(row),
            transport=transport,
            fabric=_fabric(settings, row["libraries"], one_host=host_count == 1, crowded=host_count < len(rows)),
            interface=interface_of(row),
        )


def interface_of(row: Mapping[str, Any]) -> str | None:
    """Return the interface that oneCCL was told to use on the host of one rank."""
    settings: Mapping[str, str] = row.get("settings") or {}
    return settings.get("FI_TCP_IFACE") or settings.get("CCL_KVS_IFACE")


def _main_library(row: Mapping[str, Any]) -> str | None:
    # The bridge maps several: the one with the C API hands the work to libccl.so.1 of the same folder.
    own = (row.get("bridge") or {}).get("folder")
    files = oneccl_libraries(row)
    return next((file for file in files if own and file.startswith(own)), next(iter(files), None))


def _fabric(settings: Mapping[str, str], libraries: Sequence[str], *, one_host: bool, crowded: bool) -> str:
    """Say what carries the data; ``crowded`` where several ranks share a host."""
    provider = settings.get("FI_PROVIDER") or settings.get("I_MPI_OFI_PROVIDER")
    if settings.get("CCL_ATL_TRANSPORT") == "mpi":
        if settings.get("I_MPI_FABRICS"):
            return settings["I_MPI_FABRICS"]
        # Intel MPI's own default: shared memory within a host, libfabric between hosts (I_MPI_FABRICS=shm:ofi).
        if one_host:
            return "shm"
        return f"{provider or _mapped_provider(libraries) or 'ofi'}{', shm' if crowded else ''}"
    within = crowded and settings.get("CCL_ATL_SHM") == "1"
    if one_host and within:
        return "shm"
    between = provider or _mapped_provider(libraries)
    return ", ".join(part for part in (between, "shm" if within else "") if part)


def _mapped_provider(libraries: Sequence[str]) -> str:
    """Return the libfabric provider that is loaded beside those that only help others."""
    names = [
        file.rpartition("/")[2].removeprefix("lib").partition("-fi.so")[0] for file in libraries if "-fi.so" in file
    ]
    return next((name for name in names if name not in {"shm", "rxm", "rxd"}), "")


def told_version(printed: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> str | None:
    """Return the version that oneCCL told: by its C API, else in its log when it started (CCL_LOG_LEVEL=info)."""
    asked = next((row["c_api_version"] for row in rows if row.get("c_api_version")), None)
    if asked is not None:
        return str(asked)
    matches = (_LIBRARY_VERSION.search(text) for text in printed)
    return next((match["version"] for match in matches if match is not None), None)


def not_oneccl(rows: Sequence[Mapping[str, Any]], version: str | None, provider: CclProvider) -> str:
    """Return why this group is not proven to run on the oneCCL of ``provider``, empty where it is.

    The name of a backend proves nothing, since anybody can register another library as ``ccl``; nor does a mapped
    libccl, which IPEX 2.3 to 2.7 loads by itself. oneCCL must have started and said so.
    """
    for rank, row in enumerate(rows):
        problem = _not_oneccl(row, version, provider)
        if problem:
            return f"rank {rank}: {problem}"
    return ""


def _not_oneccl(row: Mapping[str, Any], version: str | None, provider: CclProvider) -> str:
    kind = row["implementation"]
    if row["backend"] != "ccl":
        return f"the backend is {row['backend']}, not ccl"
    if row["is_gloo"]:
        return f"the backend called ccl is gloo ({kind}), not oneCCL"
    is_bridge = str(row.get("implementation_module", "")).partition(".")[0] == _BRIDGE_PACKAGE
    if is_bridge != (provider == "bridge"):
        other = "ipexenv's bridge" if is_bridge else "another library"
        wanted = "the bridge" if provider == "bridge" else "Intel's bindings"
        return f"the backend called ccl ({kind}) is {other}, not {wanted}"
    if not oneccl_libraries(row):
        return f"the backend called ccl ({kind}) has loaded no libccl: it is not oneCCL"
    if is_bridge:
        return _not_the_bridges(row)
    return (
        "" if version else f"the backend called ccl ({kind}) never started the libccl that is loaded: it is not oneCCL"
    )


def _not_the_bridges(row: Mapping[str, Any]) -> str:
    bridge = row.get("bridge") or {}
    folder = str(bridge.get("folder"))
    if not any(file.startswith(f"{folder}/") for file in oneccl_libraries(row)):
        return f"the bridge has loaded no libccl from its folder {folder}"
    if row.get("c_api_version") is None or "not loaded" in str(bridge.get("in_use")):
        return "the bridge never started its oneCCL"
    return ""


def oneccl_libraries(row: Mapping[str, Any]) -> list[str]:
    """Return the mapped libccl files of one rank."""
    return [path for path in row["libraries"] if "libccl.so" in path]
