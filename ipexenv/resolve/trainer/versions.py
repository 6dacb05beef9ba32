"""The versions that a decision about the Trainer rests on, and what the tables say about them. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from packaging.version import Version

from ipexenv.errors import TableError
from ipexenv.resolve.situation import is_for_other_device, minor_of, public

if TYPE_CHECKING:
    from ipexenv.facts import Facts, IsaLevel
    from ipexenv.tables.frameworks import FrameworkFlag, FrameworkRelease
    from ipexenv.tables.schema import Tables

Life = Literal["not yet", "works", "ignored", "gone"]

OVER_ACCELERATE = Version("4.29")
"""From here on transformers leaves device and process group to accelerate."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Versions:
    """The software and the machine that training is for."""

    tables: Tables
    facts: Facts
    transformers: Version
    accelerate: Version | None
    """None where it is not installed, or where this transformers trains without it."""
    torch: Version | None
    ipex: Version | None
    """None also where what is installed is a build for another device."""

    @classmethod
    def of(cls, facts: Facts, tables: Tables, transformers: Version) -> Versions:
        """Take the versions out of the facts, without local labels."""
        there = facts.installed
        accelerate = None if there.accelerate is None else public(there.accelerate.version)
        other_device = there.ipex is not None and is_for_other_device(there.ipex.version)
        return cls(
            tables=tables,
            facts=facts,
            transformers=transformers,
            accelerate=accelerate if transformers >= OVER_ACCELERATE else None,
            torch=None if there.torch is None else public(there.torch.version),
            ipex=None if there.ipex is None or other_device else public(there.ipex.version),
        )

    def life(self, framework: str, name: str) -> Life:
        """Say what one of the tables' flags is in the version at hand; accelerate has to be there where it is asked."""
        version = self.transformers if framework == "transformers" else self.accelerate
        return life(flag_of(self.tables, framework, name), version or Version("0"))

    def works(self, framework: str, name: str) -> bool:
        """Say whether the version at hand has it and does something for it."""
        return self.life(framework, name) == "works"

    @property
    def isa(self) -> IsaLevel | None:
        """Return what the processor can do; None where nobody knows."""
        return self.facts.host.cpu.isa

    @property
    def ipex_fits_torch(self) -> bool:
        """Say whether transformers and accelerate see the installed IPEX: they compare major.minor with torch's."""
        return self.ipex is not None and self.torch is not None and minor_of(self.ipex) == minor_of(self.torch)


def life(flag: FrameworkFlag, version: Version) -> Life:
    """Say what ``flag`` is in ``version``."""
    if flag.added is not None and version < flag.added:
        return "not yet"
    if flag.removed is not None and version >= flag.removed:
        return "gone"
    return "ignored" if flag.no_effect is not None and version >= flag.no_effect else "works"


def flag_of(tables: Tables, framework: str, name: str) -> FrameworkFlag:
    """Return the row of a flag; raise TableError where tables of one's own have lost it."""
    for flag in tables.flags:
        if (flag.framework, flag.name) == (framework, name):
            return flag
    raise TableError(
        f"transformers.toml has no [[flag]] row for {framework} {name!r}",
        code="bad-table",
        causes=(f"it was read from {tables.origin}",),
        hint="take that row over from the tables that ipexenv ships",
    )


def requirements(tables: Tables, framework: str, version: Version) -> FrameworkRelease | None:
    """Return what a version requires; None for one that is older than every version looked at."""
    rows = [row for row in tables.frameworks if row.framework == framework and row.version <= version]
    return rows[-1] if rows else None


def known_versions(tables: Tables, framework: str) -> tuple[Version, Version]:
    """Return the oldest and the newest version that the tables speak of."""
    rows = [row.version for row in tables.frameworks if row.framework == framework]
    return rows[0], rows[-1]
