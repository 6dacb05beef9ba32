"""Sort a placement's variables into what holds on any node and what only the node itself can know. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ipexenv.launch.setting import HostPlacement, Setting

_NUMBERS_OF_CPUS = {
    "CCL_WORKER_AFFINITY",
    "GOMP_CPU_AFFINITY",
    "I_MPI_PIN",
    "I_MPI_PIN_DOMAIN",
    "I_MPI_PIN_PROCESSOR_LIST",
}
_OF_THE_RANK = {
    "RANK",
    "WORLD_SIZE",
    "LOCAL_RANK",
    "LOCAL_WORLD_SIZE",
    "MASTER_ADDR",
    "MASTER_PORT",
    "CCL_LOCAL_RANK",
    "CCL_LOCAL_SIZE",
    "CCL_KVS_IP_PORT",
}
_INTERFACES = {
    "CCL_KVS_IFACE",
    "FI_TCP_IFACE",
    "GLOO_SOCKET_IFNAME",
    "I_MPI_HYDRA_IFACE",
    "TP_SOCKET_IFNAME",
}
_LISTS = {"LD_LIBRARY_PATH", "PATH"}
"""What a node has of them stays behind what the package adds."""

PACKAGE = "{package}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Carried:
    """What a job file takes over."""

    environment: tuple[Setting, ...]
    preload: tuple[str, ...]
    """File names of the libraries in LD_PRELOAD."""
    relative: tuple[tuple[str, str], ...]
    """Variables that hold the folder of the ccl provider's package, which is written as ``{package}``."""
    notes: tuple[str, ...]


def carry_over(placement: HostPlacement, *, package_folder: str | None, containers: bool) -> Carried:
    """Return what of ``placement`` goes into a job file.

    What names CPUs, ranks or interfaces of one host stays out, and so do, for containers, paths of this machine; what
    the user set goes in as it is, with a note where it may not hold on the nodes.
    """
    kept: list[Setting] = []
    relative: list[tuple[str, str]] = []
    preload: tuple[str, ...] = ()
    notes: list[str] = []
    for setting in _shared(placement):
        if setting.name == "LD_PRELOAD" and not setting.by_user:
            preload = tuple(part.rpartition("/")[2] for part in setting.value.replace(" ", ":").split(":") if part)
        elif package_folder and package_folder in setting.value and not setting.by_user:
            relative.append((setting.name, _relative(setting, package_folder)))
        elif _belongs_to_a_host(setting):
            if setting.by_user:
                notes.append(f"{setting.name}={setting.value} is yours and names what this machine has: left out")
        elif containers and _has_path(setting.value) and not setting.by_user:
            notes.append(f"{setting.name} is left out: it names a path of this machine, and the image has its own")
        else:
            kept.append(setting)
            if setting.by_user and _has_path(setting.value):
                notes.append(f"{setting.name} is taken from your environment: its paths have to exist on the nodes")
    return Carried(environment=tuple(kept), preload=preload, relative=tuple(relative), notes=tuple(notes))


def _shared(placement: HostPlacement) -> Iterator[Setting]:
    """Yield the host's settings, and those of its ranks that all of them have alike; a rank's win over the host's."""
    ranks = [{setting.name: setting for setting in rank.settings} for rank in placement.ranks]
    own = ranks[0] if ranks else {}
    alike = [own[name] for name in own if all(name in rank and rank[name].value == own[name].value for rank in ranks)]
    names = {name for rank in ranks for name in rank}
    yield from (setting for setting in placement.settings if setting.name not in names)
    yield from alike


def _relative(setting: Setting, package_folder: str) -> str:
    """Return the value with ``{package}`` for the folder; of lists of paths only what lies in it."""
    parts = setting.value.split(":")
    if setting.name in _LISTS:
        parts = [part for part in parts if part.startswith(package_folder)]
    return ":".join(parts).replace(package_folder, PACKAGE)


def _belongs_to_a_host(setting: Setting) -> bool:
    if setting.name in _INTERFACES:
        return setting.value != "lo"  # which every node has
    if setting.name in _NUMBERS_OF_CPUS | _OF_THE_RANK:
        return True
    if setting.name == "KMP_AFFINITY":
        return "proclist" in setting.value
    return setting.name == "OMP_PLACES" and any(letter.isdigit() for letter in setting.value)


def _has_path(value: str) -> bool:
    return any(part.startswith("/") for part in value.replace("=", ":").replace(",", ":").split(":"))
