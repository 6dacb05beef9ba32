"""What is being changed in an environment, written down before it is done."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, get_args

from ipexenv.errors import OutsideError
from ipexenv.reading import MalformedError, Reader
from ipexenv.transaction.state import remove_durably, write_durably

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ipexenv.transaction.state import StateFolder

Stage = Literal["preparing", "changing", "changed", "undoing", "done"]
"""How far it came.

``preparing``: nothing is changed yet. ``changing``: the environment may be neither old nor new. ``changed``: it is the
new one, not yet tested. ``undoing``: it is on its way back. ``done``: completed, kept for ``rollback``.
"""
STAGES = get_args(Stage)
_FORMAT = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class ChangedPackage:
    """One distribution that a change installs, replaces or removes."""

    name: str
    before: str | None
    after: str | None

    def __str__(self) -> str:
        """Return it for people."""
        return f"{self.name} {self.before or 'absent'} -> {self.after or 'absent'}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Journal:
    """One change of one environment."""

    identity: str
    """Names the snapshot; unique within the environment."""
    stage: Stage
    command: str
    """What the user called, as ``ipexenv install``."""
    started: str
    """Date and time, ISO 8601."""
    boot: str
    """Kernel's boot id: another one later means that the machine went down in between."""
    new_environment: bool = False
    """Whether the environment itself was made by the change, so that the old state is that there is none."""
    packages: tuple[ChangedPackage, ...] = ()
    folders: tuple[str, ...] = ()
    """Folders that the packages are put into, absolute; none where they were made with the environment."""

    def as_mapping(self) -> dict[str, Any]:
        """Return it for its JSON file."""
        return {
            "format": _FORMAT,
            "identity": self.identity,
            "stage": self.stage,
            "command": self.command,
            "started": self.started,
            "boot": self.boot,
            "new_environment": self.new_environment,
            "packages": [{"name": p.name, "before": p.before, "after": p.after} for p in self.packages],
            "folders": list(self.folders),
        }

    @classmethod
    def from_mapping(cls, row: Mapping[str, Any], *, where: str) -> Journal:
        """Read what ``as_mapping`` wrote; raise MalformedError that names the bad key."""
        reader = Reader(row, where=where)
        if reader.integer("format") != _FORMAT:
            raise reader.wrong("format", row["format"], f"{_FORMAT}: another version of ipexenv wrote it")
        journal = cls(
            identity=reader.text("identity"),
            stage=reader.choice("stage", STAGES),  # type: ignore[arg-type]  # choice() checked it
            command=reader.text("command"),
            started=reader.text("started"),
            boot=reader.text("boot"),
            new_environment=reader.flag("new_environment"),
            packages=tuple(_package(package, where=where) for package in reader.rows("packages")),
            folders=reader.texts("folders", ()),
        )
        reader.finish()
        return journal

    def at(self, stage: Stage) -> Journal:
        """Return the journal with another stage."""
        return replace(self, stage=stage)


def write_journal(state: StateFolder, journal: Journal) -> None:
    """Write down how far the change is. Raises OSError."""
    write_durably(state.journal, journal.as_mapping())


def read_journal(state: StateFolder) -> Journal | None:
    """Return the change that is under way or was cut off; None where there is none.

    Raises OutsideError where the journal is damaged.
    """
    return _read(state.journal)


def read_last(state: StateFolder) -> Journal | None:
    """Return the last change that was completed; None where there is none. Raises OutsideError where it is damaged."""
    return _read(state.last)


def complete(state: StateFolder, journal: Journal) -> None:
    """Turn the change under way into the last one. Raises OSError."""
    write_durably(state.last, journal.at("done").as_mapping())
    remove_durably(state.journal)


def _read(path: Path) -> Journal | None:
    try:
        return Journal.from_mapping(json.loads(path.read_text(encoding="utf-8")), where=str(path))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, RecursionError) as error:
        cause = str(error) if isinstance(error, MalformedError) else f"{type(error).__name__}: {error}"
        raise OutsideError(
            f"the record of a change of this environment cannot be read: {path}",
            code="bad-journal",
            causes=(cause,),
            hint="make the environment anew with `ipexenv install --venv DIR`, or remove that file if you know better",
        ) from None


def _package(row: Mapping[str, Any], *, where: str) -> ChangedPackage:
    reader = Reader(row, where=where)
    package = ChangedPackage(
        name=reader.text("name"), before=reader.maybe_text("before"), after=reader.maybe_text("after")
    )
    reader.finish()
    return package
