"""The compatibility table: for people, as Markdown, as CSV and as JSON data."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from ipexenv.tables.join import serves, wanted_bindings, wanted_bridges, wanted_torch
from ipexenv.tables.mapping import row_as_mapping

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from packaging.version import Version
    from rich.console import Console

    from ipexenv.tables.bridge import BridgeRelease
    from ipexenv.tables.join import Joined, Wanted
    from ipexenv.tables.releases import IpexRelease, OneCclRelease
    from ipexenv.tables.schema import Tables

_COLUMNS = (
    "IPEX",
    "torch",
    "best",
    "vision",
    "audio",
    "bindings",
    "bridge",
    "Python",
    "glibc",
    "C++ lib",
    "ISA",
    "ABI",
    "remarks",
)
_MEANINGS = {
    "best": "the torch to take: that of its own build if it is wanted, else the newest; vision and audio go with it",
    "bindings": "the oneCCL bindings; in brackets the torch that they are for, where they differ in that",
    "C++ lib": "the newest GLIBCXX symbol that it needs",
    "ABI": "the C++ ABI, which that of torch must equal",
    "broken": "never works, for anyone",
    "yanked": "withdrawn on the package index; installed only with --allow-yanked",
    "execstack": "asks for an executable stack, which glibc 2.41 and newer refuse",
    "last": "development ended with it",
}
_HEADINGS = ("best", "bindings", "C++ lib", "ABI")
_TOO_WIDE = frozenset({"bridge"})
"""Columns that a terminal has no room for: the bridge is the same for most rows, and a line below says it."""
_FILTER_WORDS = {"torch": "torch {}", "target_python": "Python {}", "platform": "platform {}"}
_ON_EVERY_SYSTEM = "libz.so.1"


def matrix_data(
    tables: Tables, wanted: Wanted, rows: Sequence[Joined], *, filters: Mapping[str, str | None]
) -> dict[str, Any]:
    """Return the JSON data: every table with all of its keys, filtered, and the joined rows as ``matrix``."""
    return {
        "origin": tables.origin,
        "filters": dict(filters),
        "matrix": [_joined(row) for row in rows],
        "ipex": [row_as_mapping(row.ipex) for row in rows],
        "oneccl": [row_as_mapping(release) for release in wanted_bindings(tables, wanted)],
        "bridge": [row_as_mapping(release) for release in wanted_bridges(tables, wanted)],
        "torch": [row_as_mapping(release) for release in wanted_torch(tables, wanted)],
        "flags": [row_as_mapping(flag) for flag in tables.flags],
        "frameworks": [row_as_mapping(release) for release in tables.frameworks],
        "sources": [row_as_mapping(source) for source in tables.sources],
    }


def as_csv(rows: Sequence[Joined]) -> str:
    """Return one line per IPEX release under a line of names; lists are joined by spaces, unknowns are empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    lines = [_joined(row) for row in rows]
    writer.writerow(lines[0])
    writer.writerows([_flat(value) for value in line.values()] for line in lines)
    return text.getvalue()


def as_markdown(rows: Sequence[Joined]) -> str:
    """Return a pipe table with the columns of the table for people."""
    lines = [_COLUMNS, tuple("---" for _ in _COLUMNS), *(_cells(row, between=", ") for row in rows)]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def show_matrix(
    console: Console,
    *,
    rows: Sequence[Joined],
    filters: Mapping[str, str | None],
    bridges: Sequence[BridgeRelease] = (),
    verbose: bool = False,
) -> None:
    """Print the table, what its words mean, what the newest bridge serves, and with ``verbose`` notes and sources."""
    from rich import box  # noqa: PLC0415 (needed for people alone)
    from rich.table import Table  # noqa: PLC0415 (as above)

    chosen = [filter_words(name, value) for name, value in filters.items() if value is not None]
    console.print("IPEX releases for CPU" + (f" with {', '.join(chosen)}" if chosen else ""))
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    shown = [place for place, name in enumerate(_COLUMNS) if name not in _TOO_WIDE]
    for name in (_COLUMNS[place] for place in shown):
        table.add_column(name, overflow="fold", no_wrap=name in {"IPEX", "torch", "best", "Python"})
    for row in rows:
        cells = _cells(row, between="\n")
        table.add_row(*(cells[place] for place in shown))
    console.print(table)
    said = {word for row in rows for word in _remarks(row.ipex)} | set(_HEADINGS)
    for word, meaning in _MEANINGS.items():
        if word in said:
            console.print(f"{word:<10} {meaning}")
    for bridge in bridges[-1:]:
        console.print(f"{'bridge':<10} {_bridge_words(bridge)}")
    if verbose:
        for row in rows:
            _show_notes(console, row.ipex)


def filter_words(name: str, value: str) -> str:
    """Return a filter in words, as ``Python 3.11``."""
    return _FILTER_WORDS[name].format(value)


def release_words(rows: Sequence[Joined]) -> str:
    """Return versions in words: ``nothing``, or ``2.7.0, 2.8.0``."""
    return ", ".join(str(row.ipex.version) for row in rows) or "nothing"


def _joined(row: Joined) -> dict[str, Any]:
    """Return one joined row; its keys are the columns of the CSV."""
    ipex, best = row.ipex, row.best_torch
    full = row_as_mapping(ipex)
    return {
        "ipex": str(ipex.version),
        "package": ipex.package,
        "import_name": ipex.import_name,
        "torch": full["torch"],
        "torch_pinned": full["torch_pinned"],
        "torch_served": [str(torch.version) for torch in row.torch],
        "torchvision": None if best is None or best.torchvision is None else str(best.torchvision),
        "torchaudio": None if best is None or best.torchaudio is None else str(best.torchaudio),
        "bindings": [str(release.version) for release in row.bindings],
        "bindings_torch": {str(release.version): _torch_of(release, row) for release in row.bindings},
        "bridge": None if row.bridge is None else str(row.bridge.version),
        **{key: full[key] for key in ("python", "python_on_index", "platforms", "glibc", "glibcxx", "min_isa")},
        **{key: full[key] for key in ("cxx11_abi", "execstack", "needed_libs", "broken")},
        "yanked": full["yanked"] if full["yanked"] != "" else "no reason given",
        **{key: full[key] for key in ("last", "date", "confidence")},
    }


def _flat(value: Any) -> str:  # noqa: ANN401 (any key of a joined row)
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return " ".join(f"{version}:{','.join(torches)}" for version, torches in value.items())
    return " ".join(value) if isinstance(value, list) else str(value)


def _torch_of(release: OneCclRelease, row: Joined) -> list[str]:
    return [str(torch.version) for torch in row.torch if serves(release, torch.version)]


def _bindings(row: Joined, between: str) -> str:
    if len(row.bindings) == 1:
        return str(row.bindings[0].version)
    return between.join(f"{each.version} ({', '.join(_torch_of(each, row))})" for each in row.bindings) or "-"


def _cells(row: Joined, *, between: str) -> tuple[str, ...]:
    ipex, best = row.ipex, row.best_torch
    return (
        str(ipex.version),
        str(ipex.torch).removeprefix("=="),
        _or_dash(None if best is None else best.version),
        _or_dash(None if best is None else best.torchvision),
        _or_dash(None if best is None else best.torchaudio),
        _bindings(row, between),
        _or_dash(None if row.bridge is None else row.bridge.oneccl),
        _span(ipex.python),
        _or_dash(ipex.glibc),
        _or_dash(ipex.glibcxx),
        ipex.min_isa.label,
        {True: "new", False: "old", None: "-"}[ipex.cxx11_abi],
        ", ".join(_remarks(ipex)),
    )


def _bridge_words(bridge: BridgeRelease) -> str:
    needs = f"torch {bridge.torch}, Python {bridge.python}, glibc {bridge.glibc} or newer"
    return f"ccl for {needs}, with IPEX or without: made here from oneCCL {bridge.oneccl}"


def _remarks(ipex: IpexRelease) -> list[str]:
    words = [("broken", ipex.broken is not None), ("yanked", ipex.yanked is not None), ("execstack", ipex.execstack)]
    needs = [f"needs {library}" for library in ipex.needed_libs if library != _ON_EVERY_SYSTEM and ipex.broken is None]
    return [word for word, said in words if said] + needs + (["last"] if ipex.last else [])


def _span(versions: Iterable[Version]) -> str:
    """Return ``3.9-3.13`` for consecutive minors, a list otherwise."""
    minors = sorted(versions)
    if not minors:
        return "-"
    first, last = minors[0], minors[-1]
    if first.major == last.major and len(minors) == last.minor - first.minor + 1:
        return str(first) if first == last else f"{first}-{last}"
    return " ".join(str(version) for version in minors)


def _or_dash(value: Version | None) -> str:
    return "-" if value is None else str(value)


def _show_notes(console: Console, ipex: IpexRelease) -> None:
    provenance = ipex.provenance
    console.print(f"\nIPEX {ipex.version} ({provenance.confidence})")
    for label, text in (("broken", ipex.broken), ("yanked", ipex.yanked), ("tested", provenance.tested)):
        if text:
            console.print(f"  {label}: {text}")
    if provenance.notes:
        console.print(f"  {provenance.notes}")
    for source in provenance.source:
        console.print(f"  from {source}")
