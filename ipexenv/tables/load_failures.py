"""Read the table of known failures, which only `explain` and `doctor` need."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ipexenv.reading import MalformedError
from ipexenv.tables.failures import Failure
from ipexenv.tables.load import PACKAGE, bad_row, find_tables, read_rows

if TYPE_CHECKING:
    from pathlib import Path

FAILURES = "failures.toml"


def load_failures(directory: Path | None = None, *, beside: Path = PACKAGE) -> tuple[Failure, ...]:
    """Read the known failures in the order of their file; looks where ``load_tables`` looks.

    Raises TableError that names file, row and key, also for two rows with one id and for an ``over`` that names none.
    """
    folder = find_tables(beside) if directory is None else directory
    rows = read_rows(folder / FAILURES, ("failure",))["failure"]
    try:
        failures = tuple(Failure.from_mapping(row, where=where) for where, row in rows)
        _check_ids(failures)
    except MalformedError as error:
        raise bad_row(error, folder) from None
    return failures


def _check_ids(failures: tuple[Failure, ...]) -> None:
    known: set[str] = set()
    for failure in failures:
        if failure.id in known:
            msg = f"{FAILURES} [[failure]] {failure.id}: there is another row for it"
            raise MalformedError(msg)
        known.add(failure.id)
    for failure in failures:
        for other in failure.over:
            if other not in known:
                msg = f"{FAILURES} [[failure]] {failure.id}: over names {other!r}, which has no row"
                raise MalformedError(msg)
