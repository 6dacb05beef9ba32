from __future__ import annotations

import io
from dataclasses import replace

from packaging.version import Version
from rich.console import Console

from ipexenv.report.matrix import as_csv, as_markdown, show_matrix
from ipexenv.tables.join import Joined
from ipexenv.tables.load import load_tables

TABLES = load_tables()
LAST = Joined(ipex=TABLES.ipex[-1], torch=(), bindings=())


def with_python(*minors: str) -> Joined:
    return replace(LAST, ipex=replace(LAST.ipex, python=tuple(map(Version, minors))))


def python_cell(row: Joined) -> str:
    return as_markdown([row]).splitlines()[2].split(" | ")[7]


def test_consecutive_pythons_are_a_span_and_others_a_list() -> None:
    assert python_cell(with_python("3.9", "3.10", "3.11")) == "3.9-3.11"
    assert python_cell(with_python("3.9")) == "3.9"
    assert python_cell(with_python("3.9", "3.11")) == "3.9 3.11"
    assert python_cell(with_python()) == "-"


def test_a_release_whose_torch_has_no_row_has_dashes() -> None:
    assert as_markdown([LAST]).splitlines()[2].startswith("| 2.8.0 | 2.8.* | - | - | - | - | - |")
    assert ",2.8.0,,,,,,,3.9 3.10" in as_csv([LAST])


def test_a_pipe_in_a_cell_does_not_end_it() -> None:
    row = replace(LAST, ipex=replace(LAST.ipex, needed_libs=("lib|odd.so",)))
    assert as_markdown([row]).splitlines()[2].endswith("| needs lib\\|odd.so, last |")


def test_verbose_says_nothing_of_notes_that_are_not_there() -> None:
    bare = replace(LAST.ipex.provenance, notes=None, tested=None)
    stream = io.StringIO()
    console = Console(file=stream, width=120, soft_wrap=True, markup=False, highlight=False, emoji=False)
    filters = {"torch": None, "target_python": None, "platform": None}
    show_matrix(console, rows=[replace(LAST, ipex=replace(LAST.ipex, provenance=bare))], filters=filters, verbose=True)
    lines = [line.rstrip() for line in stream.getvalue().splitlines()]
    start = lines.index("IPEX 2.8.0 (measured)")
    assert all(line.startswith("  from ") for line in lines[start + 1 :])
