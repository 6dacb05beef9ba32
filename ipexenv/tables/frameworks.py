"""What transformers and accelerate accept and need, by version, as typed data. Pure: no file is opened here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ipexenv.reading import Reader
from ipexenv.tables.releases import Provenance, read_provenance

if TYPE_CHECKING:
    from collections.abc import Mapping

    from packaging.specifiers import SpecifierSet
    from packaging.version import Version

FRAMEWORKS = ("transformers", "accelerate")


@dataclass(frozen=True, kw_only=True, slots=True)
class FrameworkFlag:
    """The versions of transformers or accelerate in which one option exists, works and ends."""

    framework: str
    """``transformers`` or ``accelerate``."""
    name: str
    """``--use_ipex``, ``--ddp_backend ccl`` …"""
    added: Version | None = None
    deprecated: Version | None = None
    no_effect: Version | None = None
    """First version that accepts the flag and ignores it."""
    removed: Version | None = None
    replaced_by: str | None = None
    needs: str | None = None
    provenance: Provenance

    @classmethod
    def from_mapping(cls, row: Mapping[str, Any], *, where: str) -> FrameworkFlag:
        """Read one ``[[flag]]`` row; raise MalformedError that names the bad key."""
        reader = Reader(row, where=where)
        flag = cls(
            framework=reader.choice("framework", FRAMEWORKS),
            name=reader.text("name"),
            added=reader.maybe_version("added"),
            deprecated=reader.maybe_version("deprecated"),
            no_effect=reader.maybe_version("no_effect"),
            removed=reader.maybe_version("removed"),
            replaced_by=reader.maybe_text("replaced_by"),
            needs=reader.maybe_text("needs"),
            provenance=read_provenance(reader),
        )
        reader.finish()
        return flag


@dataclass(frozen=True, kw_only=True, slots=True)
class FrameworkRelease:
    """What transformers or accelerate needs from this version on, until the next row of the same framework."""

    framework: str
    """``transformers`` or ``accelerate``."""
    version: Version
    python: SpecifierSet
    """What its metadata requires of Python."""
    torch: SpecifierSet
    """What its metadata or its own check requires of torch; empty means any."""
    accelerate: SpecifierSet
    """What transformers' Trainer requires of accelerate; empty means any, or none at all."""
    accelerate_works: SpecifierSet
    """Where trying showed narrower limits than it requires: what it works with; empty where it does not."""
    provenance: Provenance

    @classmethod
    def from_mapping(cls, row: Mapping[str, Any], *, where: str) -> FrameworkRelease:
        """Read one ``[[framework]]`` row; raise MalformedError that names the bad key."""
        reader = Reader(row, where=where)
        release = cls(
            framework=reader.choice("framework", FRAMEWORKS),
            version=reader.version("version"),
            python=reader.specifier("python"),
            torch=reader.specifier("torch", ""),
            accelerate=reader.specifier("accelerate", ""),
            accelerate_works=reader.specifier("accelerate_works", ""),
            provenance=read_provenance(reader),
        )
        reader.finish()
        return release
