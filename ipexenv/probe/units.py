"""Each online processing unit with its core, socket, NUMA node and kind of core, from /sys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ipexenv.facts import ProcessingUnit
from ipexenv.probe.cpulist import parse_list, parse_mask
from ipexenv.probe.processors import CPU_DIRECTORY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ipexenv.probe.processors import Processor
    from ipexenv.system.files import Files

NODE_DIRECTORY = "/sys/devices/system/node"

_FAST_KIND = "/sys/devices/cpu_core/cpus"
"""Linux on Intel's hybrid processors: the performance cores, as a counter unit of their own."""

_ALIKE = 0.85
"""Cores whose top speed is at least this part of the fastest one's are of its kind.

Favoured cores of one kind differ by up to 8 % (5.0 and 5.2 GHz, two chiplets with 5.25 and 5.7 GHz), kinds by 20 % and
more (5.7 and 4.6 GHz, 5.0 and 3.9 GHz).
"""


def processing_units(files: Files, processors: Sequence[Processor]) -> tuple[ProcessingUnit, ...]:
    """Return every online unit with its place, in ascending order; what nothing tells stays None."""
    online = frozenset(processor.unit for processor in processors)
    nodes = node_of_units(files, online)
    slow = efficient_units(files, online)
    cores: dict[str, int] = {}
    sockets: dict[str, int] = {}
    found = []
    for processor in sorted(processors, key=lambda processor: processor.unit):
        core = cores.setdefault(processor.core, processor.unit)
        socket = None if processor.socket is None else sockets.setdefault(processor.socket, len(sockets))
        found.append(
            ProcessingUnit(
                unit=processor.unit,
                core=core,
                socket=socket,
                numa_node=nodes.get(processor.unit),
                efficient=processor.unit in slow,
            )
        )
    return tuple(found)


def node_of_units(files: Files, online: frozenset[int]) -> dict[int, int]:
    """Return the NUMA node of each online unit that a node lists.

    Some firmware lists the same units under several nodes: the first has them. Nodes of memory alone (HBM, CXL) have
    no units.
    """
    found: dict[int, int] = {}
    for name in sorted(files.names(NODE_DIRECTORY), key=lambda name: (len(name), name)):
        if name.startswith("node") and name[4:].isascii() and name[4:].isdigit():
            own = (_node_units(files, name) & online) - found.keys()
            found |= dict.fromkeys(own, int(name[4:]))
    return found


def count_nodes(files: Files, online: frozenset[int]) -> int | None:
    """Return the number of NUMA nodes that have online units of their own; None where nothing tells.

    Units that no node lists, as where a node was taken off line, add no node. A kernel without NUMA support has no
    directory of nodes: one node.
    """
    if not online:
        return None
    return len(set(node_of_units(files, online).values())) or 1


def efficient_units(files: Files, online: frozenset[int]) -> frozenset[int]:
    """Return the units of cores that are slower by design: by kind, by capacity, else by the highest frequency."""
    fast = parse_list(files.text(_FAST_KIND) or "")
    if fast and fast & online:
        return online - fast
    speeds = _numbers(files, online, "cpu_capacity") or _numbers(files, online, "cpufreq/cpuinfo_max_freq")
    limit = _ALIKE * max(speeds.values(), default=0)
    return frozenset(unit for unit, speed in speeds.items() if speed < limit)


def _numbers(files: Files, online: frozenset[int], name: str) -> dict[int, int]:
    """Return a number of each unit; none where a unit lacks it, for then they cannot be compared."""
    found = {}
    for unit in sorted(online):
        text = files.text(f"{CPU_DIRECTORY}/cpu{unit}/{name}") or ""
        if not (text.isascii() and text.isdigit()):
            return {}
        found[unit] = int(text)
    return found


def _node_units(files: Files, name: str) -> frozenset[int]:
    text = files.text(f"{NODE_DIRECTORY}/{name}/cpulist")
    units = parse_mask(files.text(f"{NODE_DIRECTORY}/{name}/cpumap") or "") if text is None else parse_list(text)
    return units or frozenset()
