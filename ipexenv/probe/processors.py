"""The online processing units with their core and socket, from /sys or else from /proc/cpuinfo."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ipexenv.probe.cpulist import parse_list

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ipexenv.system.files import Files

CPU_DIRECTORY = "/sys/devices/system/cpu"

_SAME_CORE = ("core_cpus_list", "thread_siblings_list", "thread_siblings")
"""Files whose text is equal for all threads of a core, newest name first."""
_SAME_SOCKET = ("package_cpus_list", "core_siblings_list", "core_siblings")


class Processor(NamedTuple):
    """One online processing unit."""

    unit: int
    core: str
    """Equal for the threads of one core, and for no others."""
    socket: str | None
    """Equal for the units of one socket; None where nothing tells."""


def online_processors(files: Files) -> tuple[tuple[Processor, ...], str]:
    """Return the online units in ascending order and where they were found; none where nothing tells.

    Cores and sockets are told apart by the sets of units that share them, because core and package ids repeat: core
    ids in every socket, package ids in every chassis of machines joined from several.
    """
    units = online_units(files)
    if units and any("topology" in files.names(f"{CPU_DIRECTORY}/cpu{unit}") for unit in units):
        return tuple(_from_sys(files, units)), CPU_DIRECTORY
    processors = _from_cpuinfo(files.text("/proc/cpuinfo") or "")
    if processors:
        return processors, "/proc/cpuinfo"
    alone = tuple(Processor(unit=unit, core=f"unit {unit}", socket=None) for unit in units)
    return alone, f"{CPU_DIRECTORY}, which knows no cores" if alone else "nothing"


def online_units(files: Files) -> tuple[int, ...]:
    """Return the online units in ascending order, from ``online`` or else from each unit's own file."""
    online = parse_list(files.text(f"{CPU_DIRECTORY}/online") or "")
    if online:
        return tuple(sorted(online))
    names = [name[3:] for name in files.names(CPU_DIRECTORY) if name.startswith("cpu") and name[3:].isdigit()]
    return tuple(sorted(int(name) for name in names if files.text(f"{CPU_DIRECTORY}/cpu{name}/online") != "0"))


def _from_sys(files: Files, units: Sequence[int]) -> list[Processor]:
    names = next(names for unit in units if (names := files.names(f"{CPU_DIRECTORY}/cpu{unit}/topology")))
    core_file = next((name for name in _SAME_CORE if name in names), None)
    socket_file = next((name for name in _SAME_SOCKET if name in names), None)
    found = []
    for unit in units:
        folder = f"{CPU_DIRECTORY}/cpu{unit}/topology"
        core = _core(files, folder, core_file) if core_file else _ids(files, folder, "core_id")
        socket = files.text(f"{folder}/{socket_file}") if socket_file else _ids(files, folder)
        found.append(Processor(unit=unit, core=core or f"unit {unit}", socket=socket or None))
    return found


def _core(files: Files, folder: str, core_file: str) -> str | None:
    """Join siblings and core id: on AMD's family 15h two cores of a module are siblings with ids of their own."""
    siblings = files.text(f"{folder}/{core_file}")
    return f"{siblings} {files.text(f'{folder}/core_id')}" if siblings else None


def _ids(files: Files, folder: str, *more: str) -> str | None:
    """Join the ids that name a core or socket; None where one is missing or unknown to the kernel (-1)."""
    ids = [files.text(f"{folder}/{name}") for name in ("physical_package_id", *more)]
    die = files.text(f"{folder}/die_id") if more else ""
    known = [text for text in ids if text and text != "-1"]
    return " ".join([*known, die or ""]) if len(known) == len(ids) else None


def _from_cpuinfo(text: str) -> tuple[Processor, ...]:
    found = []
    for block in text.split("\n\n"):
        pairs = [line.partition(":") for line in block.splitlines()]
        row = {key.strip(): value.strip() for key, colon, value in pairs if colon}
        unit, socket, core = row.get("processor", ""), row.get("physical id"), row.get("core id")
        if unit.isascii() and unit.isdigit():
            name = f"unit {unit}" if socket is None or core is None else f"{socket} {core}"
            found.append(Processor(unit=int(unit), core=name, socket=socket))
    return tuple(sorted(found, key=lambda processor: processor.unit))
