"""Show what a run is given and why, and what its ranks say, line by line with their numbers."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, TextIO

from ipexenv.launch.lines import Lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ipexenv.launch.seats import Seat
    from ipexenv.launch.setting import HostPlacement, Setting


class RankPrinter:
    """Prints each line of a rank with its number, stdout to stdout and stderr to stderr, as it comes."""

    def __init__(self, size: int, *, quiet_launcher: bool = False, all_to_stderr: bool = False) -> None:
        """Take ``size`` ranks; a single one is printed as it is."""
        self._size = size
        self._quiet_launcher = quiet_launcher
        self._streams: dict[str, TextIO] = {"o": sys.stderr if all_to_stderr else sys.stdout, "e": sys.stderr}
        self._lines: dict[tuple[int, str], Lines] = {}

    def rank(self, rank: int, kind: str, data: bytes) -> None:
        """See Output.rank."""
        lines = self._lines.setdefault((rank, kind), Lines(time.monotonic))
        self._print(rank, kind, lines.take(data))

    def launcher(self, line: str) -> None:
        """See Output.launcher."""
        if not self._quiet_launcher:
            sys.stderr.write(f"{line}\n")
            sys.stderr.flush()

    def close(self) -> None:
        """See Output.close."""
        for (rank, kind), lines in self._lines.items():
            self._print(rank, kind, lines.last())

    def _print(self, rank: int, kind: str, lines: Iterable[str]) -> None:
        stream = self._streams[kind]
        prefix = f"[{rank}] " if self._size > 1 else ""
        text = "".join(f"{prefix}{line}\n" for line in lines)
        if text:
            stream.write(text)
            stream.flush()


def explained(placements: Sequence[HostPlacement], seats: Sequence[Seat], more: Sequence[tuple[str, str]]) -> str:
    """Return what the ranks of each host are given, each value with its reason."""
    parts = []
    for placement in placements:
        own = [seat for seat in seats if seat.host == placement.host]
        numbers = f"ranks {own[0].rank}-{own[-1].rank}" if len(own) > 1 else f"rank {own[0].rank}" if own else "no rank"
        lines = [f"{placement.host}: {numbers}", *map(_line, placement.settings)]
        for place, seat in zip(placement.ranks, own, strict=False):
            bound = f"bound to CPUs {cpu_list(place.cpus)}" if place.cpus else "not bound"
            memory = f", memory of NUMA node(s) {cpu_list(place.numa_nodes)}" if place.numa_nodes else ""
            lines.append(f"  rank {seat.rank}: {bound}{memory}")
            lines += [f"  {_line(setting)}" for setting in place.settings]
        lines += [f"  note: {note}" for note in placement.notes]
        parts.append("\n".join(lines))
    if more:
        parts.append("\n".join(["every rank:", *(f"  {name}={value}  (--env)" for name, value in more)]))
    return "\n\n".join(parts) + "\n"


def _line(setting: Setting) -> str:
    return f"  {setting.name}={setting.value}  ({'yours; ' if setting.by_user else ''}{setting.reason})"


def cpu_list(cpus: Sequence[int]) -> str:
    """Return numbers as the kernel lists them: ``0-27,56``."""
    parts: list[str] = []
    ordered = sorted(set(cpus))
    begin = 0
    for index, cpu in enumerate(ordered):
        if index + 1 == len(ordered) or ordered[index + 1] != cpu + 1:
            first = ordered[begin]
            parts.append(str(first) if first == cpu else f"{first}-{cpu}")
            begin = index + 1
    return ",".join(parts)
