"""Find the tables, read them, and check what one row cannot know of the others."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ipexenv import toml
from ipexenv.errors import TableError
from ipexenv.reading import MalformedError
from ipexenv.tables.hashes import KnownFiles, parts_of, read_known_files
from ipexenv.tables.schema import BridgeRelease, IpexRelease, OneCclRelease, Tables, TorchRelease

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from packaging.version import Version

    from ipexenv.tables.hashes import KnownFile

_Row = TypeVar("_Row")

PACKAGE = Path(__file__).resolve().parents[1]
_MARK = "ipex.toml"
_HASHES = "hashes.toml"
_RELEASES = ("ipex.toml", "oneccl.toml", "torch.toml", "bridge.toml")
_KINDS = {
    "ipex.toml": ("ipex",),
    "oneccl.toml": ("oneccl",),
    "torch.toml": ("torch",),
    "bridge.toml": ("bridge",),
    "transformers.toml": ("flag", "framework"),
    "sources.toml": ("source",),
}


def load_tables(directory: Path | None = None, *, beside: Path = PACKAGE) -> Tables:
    """Read every table.

    Looks exactly in ``directory`` where it is given (``--tables DIR``); else inside the package, where the wheel puts
    them; else beside the package, where a checkout or an editable install has them. ``beside`` is the package's folder.
    Releases come in ascending order of version, sources in the order of their file.
    Raises TableError that names file, row and key.
    """
    return _load(find_tables(beside) if directory is None else directory, tuple(_KINDS))


def load_releases(directory: Path | None = None, *, beside: Path = PACKAGE) -> Tables:
    """Read the releases of IPEX, bindings and torch alone, in half the time: enough to judge, and to decide offline.

    Looks and raises as ``load_tables`` does; flags, frameworks and sources stay empty.
    """
    return _load(find_tables(beside) if directory is None else directory, _RELEASES)


def _load(folder: Path, files: Sequence[str]) -> Tables:
    rows = {kind: listing for file in files for kind, listing in read_rows(folder / file, _KINDS[file]).items()}
    try:
        tables = _releases(rows, origin=str(folder))
        tables = replace(tables, known=KnownFiles(partial(_known_files, folder, tables.bridge)))
        return tables if files == _RELEASES else _with_the_rest(tables, rows)
    except MalformedError as error:
        raise bad_row(error, folder) from None


def _known_files(folder: Path, bridges: Sequence[BridgeRelease]) -> dict[str, KnownFile]:
    """Read the table of hashes; a folder of tables without one knows the files of its bridges alone."""
    if not (folder / _HASHES).is_file():
        return parts_of(bridges)
    try:
        return read_known_files(_document(folder / _HASHES), where=_HASHES) | parts_of(bridges)
    except MalformedError as error:
        raise bad_row(error, folder) from None


def bad_row(error: MalformedError, folder: Path) -> TableError:
    """Return the error that a user sees for a row that cannot be read."""
    return TableError(
        str(error),
        code="bad-table",
        causes=(f"it was read from {folder}",),
        hint="correct that row; the keys are described in ipexenv/tables",
    )


def find_tables(package: Path) -> Path:
    """Return the folder of the tables that came with ``package``; raise TableError where there is none."""
    for folder in (package / "compat", package.parent / "compat"):
        if (folder / _MARK).is_file():
            return folder
    raise TableError(
        "the compatibility tables are missing from this installation",
        code="no-tables",
        causes=(f"neither {package / 'compat'} nor {package.parent / 'compat'} holds {_MARK}",),
        hint="install ipexenv again, or name a folder of tables with `--tables DIR`",
    )


def read_rows(path: Path, kinds: Sequence[str]) -> dict[str, list[tuple[str, Mapping[str, Any]]]]:
    """Return the rows of one file by kind, each with the words that name it in messages.

    Raises TableError where the file cannot be read, is no TOML, or holds another table than ``kinds``.
    """
    document = _document(path)
    unknown = sorted(set(document) - set(kinds))
    if unknown:
        raise TableError(
            f"{path.name} has an unknown table {unknown[0]!r}",
            code="bad-table",
            causes=(f"it was read from {path.parent}",),
            hint="its rows are " + " and ".join(f"[[{kind}]]" for kind in kinds),
        )
    return {kind: _named(path, kind, document.get(kind, [])) for kind in kinds}


def _document(path: Path) -> dict[str, Any]:
    try:
        return toml.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise TableError(
            f"cannot read the table {path}: {error.strerror}",
            code="no-tables",
            hint="a folder of tables holds " + ", ".join(_KINDS),
        ) from None
    except (toml.TOMLDecodeError, UnicodeDecodeError) as error:
        raise TableError(f"the table {path} is not valid TOML: {error}", code="bad-table") from None


def _named(path: Path, kind: str, rows: object) -> list[tuple[str, Mapping[str, Any]]]:
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise TableError(f"{path.name}: {kind} is not a list of [[{kind}]] rows", code="bad-table")
    return [(f"{path.name} [[{kind}]] {_label(row, number)}", row) for number, row in enumerate(rows, start=1)]


def _label(row: Mapping[str, Any], number: int) -> str:
    parts = [row[key] for key in ("framework", "name", "version", "id") if isinstance(row.get(key), str)]
    return " ".join(parts) or f"number {number}"


def _releases(rows: Mapping[str, Sequence[tuple[str, Mapping[str, Any]]]], *, origin: str) -> Tables:
    return Tables(
        origin=origin,
        ipex=_ascending(_collect(rows["ipex"], IpexRelease.from_mapping, _version)),
        oneccl=_ascending(_collect(rows["oneccl"], OneCclRelease.from_mapping, _version)),
        torch=_ascending(_collect(rows["torch"], TorchRelease.from_mapping, _version)),
        bridge=_ascending(_collect(rows["bridge"], BridgeRelease.from_mapping, _version)),
    )


def _with_the_rest(releases: Tables, rows: Mapping[str, Sequence[tuple[str, Mapping[str, Any]]]]) -> Tables:
    from ipexenv.tables.frameworks import FrameworkFlag, FrameworkRelease  # noqa: PLC0415 (start-up time of `status`)
    from ipexenv.tables.sources import NamedSource  # noqa: PLC0415 (as above)

    tables = replace(
        releases,
        flags=tuple(
            _collect(rows["flag"], FrameworkFlag.from_mapping, lambda flag: (flag.framework, flag.name)).values()
        ),
        frameworks=_ascending(
            _collect(rows["framework"], FrameworkRelease.from_mapping, lambda row: (row.framework, row.version))
        ),
        sources=tuple(_collect(rows["source"], NamedSource.from_mapping, lambda source: source.name).values()),
    )
    _check_sources(tables)
    return tables


def _collect(
    rows: Sequence[tuple[str, Mapping[str, Any]]], read: Callable[..., _Row], identity: Callable[[_Row], Any]
) -> dict[Any, _Row]:
    found: dict[Any, _Row] = {}
    for where, row in rows:
        item = read(row, where=where)
        if identity(item) in found:
            msg = f"{where}: there is another row for it"
            raise MalformedError(msg)
        found[identity(item)] = item
    return found


def _ascending(found: dict[Any, _Row]) -> tuple[_Row, ...]:
    return tuple(found[key] for key in sorted(found))


def _version(release: IpexRelease | OneCclRelease | TorchRelease | BridgeRelease) -> Version:
    return release.version


def _check_sources(tables: Tables) -> None:
    known = {source.name for source in tables.sources}
    for file, kind, releases in (("ipex.toml", "ipex", tables.ipex), ("oneccl.toml", "oneccl", tables.oneccl)):
        for release in releases:
            for name in release.sources:
                if name not in known:
                    msg = (
                        f"{file} [[{kind}]] {release.version}: sources names {name!r}, which sources.toml does not have"
                    )
                    raise MalformedError(msg)
