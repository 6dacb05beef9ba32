"""The online processing units with their core, socket and NUMA node, from /sys or else from /proc/cpuinfo."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ipexenv.probe.cpulist import parse_list, parse_mask

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ipexenv.system.files import Tree

CPU_DIRECTORY = "/sys/devices/system/cpu"
NODE_DIRECTORY = "/sys/devices/system/node"

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


def online_processors(tree: Tree) -> tuple[tuple[Processor, ...], str]:
    """Return the online units in ascending order and where they were found; none where nothing tells.

    Cores and sockets are told apart by the sets of units that share them, because core and package ids repeat: core
    ids in every socket, package ids in every chassis of machines joined from several.
    """
    units = online_units(tree)
    if units and any("topology" in tree.names(f"{CPU_DIRECTORY}/cpu{unit}") for unit in units):
        return tuple(_from_sys(tree, units)), CPU_DIRECTORY
    processors = _from_cpuinfo(tree.text("/proc/cpuinfo") or "")
    if processors:
        return processors, "/proc/cpuinfo"
    alone = tuple(Processor(unit=unit, core=f"unit {unit}", socket=None) for unit in units)
    return alone, f"{CPU_DIRECTORY}, which knows no cores" if alone else "nothing"


def online_units(tree: Tree) -> tuple[int, ...]:
    """Return the online units in ascending order, from ``online`` or else from each unit's own file."""
    online = parse_list(tree.text(f"{CPU_DIRECTORY}/online") or "")
    if online:
        return tuple(sorted(online))
    names = [name[3:] for name in tree.names(CPU_DIRECTORY) if name.startswith("cpu") and name[3:].isdigit()]
    return tuple(sorted(int(name) for name in names if tree.text(f"{CPU_DIRECTORY}/cpu{name}/online") != "0"))


def count_nodes(tree: Tree, online: frozenset[int]) -> int | None:
    """Return the number of NUMA nodes that have online units of their own; None where nothing tells.

    Some firmware lists the same units under several nodes: such nodes count once. Units that no node lists, as where
    a node was taken off line, add no node. A kernel without NUMA support has no directory of nodes: one node.
    """
    seen: frozenset[int] = frozenset()
    count = 0
    for name in sorted(tree.names(NODE_DIRECTORY), key=lambda name: (len(name), name)):
        if not (name.startswith("node") and name[4:].isdigit()):
            continue
        own = (_node_units(tree, name) & online) - seen
        count += bool(own)
        seen |= own
    if count:
        return count
    return 1 if online else None


def _node_units(tree: Tree, name: str) -> frozenset[int]:
    text = tree.text(f"{NODE_DIRECTORY}/{name}/cpulist")
    units = parse_mask(tree.text(f"{NODE_DIRECTORY}/{name}/cpumap") or "") if text is None else parse_list(text)
    return units or frozenset()


def _from_sys(tree: Tree, units: Sequence[int]) -> list[Processor]:
    names = next(names for unit in units if (names := tree.names(f"{CPU_DIRECTORY}/cpu{unit}/topology")))
    core_file = next((name for name in _SAME_CORE if name in names), None)
    socket_file = next((name for name in _SAME_SOCKET if name in names), None)
    found = []
    for unit in units:
        folder = f"{CPU_DIRECTORY}/cpu{unit}/topology"
        core = _core(tree, folder, core_file) if core_file else _ids(tree, folder, "core_id")
        socket = tree.text(f"{folder}/{socket_file}") if socket_file else _ids(tree, folder)
        found.append(Processor(unit=unit, core=core or f"unit {unit}", socket=socket or None))
    return found


def _core(tree: Tree, folder: str, core_file: str) -> str | None:
    """Join siblings and core id: on AMD's family 15h two cores of a module are siblings with ids of their own."""
    siblings = tree.text(f"{folder}/{core_file}")
    return f"{siblings} {tree.text(f'{folder}/core_id')}" if siblings else None


def _ids(tree: Tree, folder: str, *more: str) -> str | None:
    """Join the ids that name a core or socket; None where one is missing or unknown to the kernel (-1)."""
    ids = [tree.text(f"{folder}/{name}") for name in ("physical_package_id", *more)]
    die = tree.text(f"{folder}/die_id") if more else ""
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
