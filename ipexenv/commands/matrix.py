"""Print the compatibility table."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from ipexenv.answer import Answer
from ipexenv.errors import AnswerIsNo, UsageError
from ipexenv.report import matrix as report
from ipexenv.resolve.filters import read_filters
from ipexenv.tables.join import join, wanted_bridges
from ipexenv.tables.load import load_tables

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from ipexenv.events import Listener
    from ipexenv.system.world import World
    from ipexenv.tables.schema import Tables


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the filters and the formats."""
    filters = parser.add_argument_group("filters")
    filters.add_argument("--torch", metavar="V", help="what goes with this torch: 2.8 for any patch of it, or 2.7.1")
    filters.add_argument("--target-python", metavar="V", help="what has a wheel for this Python, as 3.11")
    filters.add_argument("--platform", metavar="TAG", help="what runs there, as manylinux_2_31_x86_64 or linux_x86_64")
    formats = parser.add_mutually_exclusive_group()
    formats.add_argument("--markdown", action="store_true", help="print a Markdown table")
    formats.add_argument("--csv", action="store_true", help="print comma-separated values, one row per IPEX release")


def run(options: argparse.Namespace, world: World, listen: Listener) -> Answer:  # noqa: ARG001 (the protocol of commands)
    """Join the tables, filter, and answer in the format that is asked for.

    Raises UsageError for a filter that cannot be, AnswerIsNo where nothing is left.
    """
    _check_formats(options)
    filters = {name: getattr(options, name) for name in ("torch", "target_python", "platform")}
    wanted = read_filters(**filters)
    tables = load_tables(None if options.tables is None else world.directory / options.tables)
    rows = join(tables, wanted)
    data = report.matrix_data(tables, wanted, rows, filters=filters)
    if not rows:
        raise _nothing(filters, tables, data)
    raw = report.as_csv(rows) if options.csv else report.as_markdown(rows) if options.markdown else None
    bridges = wanted_bridges(tables, wanted)
    show = partial(report.show_matrix, rows=rows, filters=filters, bridges=bridges, verbose=options.verbose > 0)
    return Answer(data=data, raw=raw, show=show)


def _check_formats(options: argparse.Namespace) -> None:
    for name in ("markdown", "csv"):
        if options.json and getattr(options, name):
            raise UsageError(
                f"--json and --{name} are two formats of one answer", code="usage", hint="leave one of them out"
            )


def _nothing(filters: Mapping[str, str | None], tables: Tables, data: Mapping[str, Any]) -> AnswerIsNo:
    """Build the answer where no release is left: what each filter alone leaves, and what to do instead."""
    words, causes = [], []
    for name, value in filters.items():
        if value is not None:
            alone = join(tables, read_filters(**(dict.fromkeys(filters) | {name: value})))
            words.append(report.filter_words(name, value))
            causes.append(f"{words[-1]} leaves {report.release_words(alone)}")
    hint = "`ipexenv matrix` without filters shows every release"
    if data["torch"] and filters["torch"] is not None:
        hint = f"`ipexenv resolve --stack native --torch {filters['torch']}` takes stock torch without IPEX"
    return AnswerIsNo(
        f"no IPEX release matches {' and '.join(words)}", code="nothing-matches", causes=causes, hint=hint, data=data
    )
