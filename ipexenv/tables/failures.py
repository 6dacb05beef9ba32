"""Known failures: how they show in a log, why they happen and what cures them. Pure: no file is opened here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

from ipexenv.facts import IsaLevel
from ipexenv.reading import Reader
from ipexenv.tables.releases import Provenance, read_provenance

if TYPE_CHECKING:
    from collections.abc import Mapping

    from packaging.specifiers import SpecifierSet

Severity = Literal["fatal", "degraded", "info", "benign"]
"""``fatal``: nothing works until it is cured; ``degraded``: works worse than it could; ``info``: worth knowing;
``benign``: looks bad, means nothing, and is never a cause."""

Stage = Literal["install", "import", "precision", "framework", "backend", "communication", "launch", "build"]

SEVERITIES = get_args(Severity)
STAGES = get_args(Stage)

_PACKAGES = ("torch", "ipex", "bindings", "bridge", "transformers", "accelerate", "numpy", "torchvision")


@dataclass(frozen=True, kw_only=True, slots=True)
class Circumstances:
    """The facts under which a failure can be the cause; what is left out does not matter."""

    packages: tuple[tuple[str, SpecifierSet], ...] = ()
    """Names as in ``facts.Installed``, with the versions that have the failure."""
    python: SpecifierSet | None = None
    glibc: SpecifierSet | None = None
    isa_below: IsaLevel | None = None

    @classmethod
    def from_mapping(cls, row: Mapping[str, Any], *, where: str) -> Circumstances:
        """Read the ``when`` table of a row; raise MalformedError that names the bad key."""
        reader = Reader(row, where=where)
        isa = reader.maybe_text("isa_below")
        try:
            below = None if isa is None else IsaLevel.from_label(isa)
        except ValueError:
            raise reader.wrong("isa_below", isa, "the name of an instruction-set level") from None
        found = cls(
            packages=tuple((name, reader.specifier(name)) for name in _PACKAGES if name in row),
            python=reader.specifier("python") if "python" in row else None,
            glibc=reader.specifier("glibc") if "glibc" in row else None,
            isa_below=below,
        )
        reader.finish()
        return found


@dataclass(frozen=True, kw_only=True, slots=True)
class Ending:
    """How a child process ends that dies of it."""

    returncode: int
    """As Python gives it: -11 for SIGSEGV."""
    silent: bool = False
    """Whether it is told by saying nothing at all."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """One row of ``failures.toml``."""

    id: str
    stage: Stage
    severity: Severity
    cause: str
    """Why it happens, one or two sentences."""
    cure: str
    """What to do; commands in backticks. ``{python}``, ``{target}`` and names of the patterns' groups are filled in."""
    provenance: Provenance
    patterns: tuple[str, ...] = ()
    """Regular expressions (RE2 syntax) of which any is found in the log; empty where a log shows nothing."""
    generic: bool = False
    """Whether it only says that something failed, so that any other fatal cause explains more."""
    over: tuple[str, ...] = ()
    """Ids of failures whose patterns match the same line and which this one explains better."""
    when: Circumstances = Circumstances()
    ending: Ending | None = None

    @classmethod
    def from_mapping(cls, row: Mapping[str, Any], *, where: str) -> Failure:
        """Read one ``[[failure]]`` row; raise MalformedError that names the bad key."""
        reader = Reader(row, where=where)
        when, ending = reader.maybe_table("when"), reader.maybe_table("ending")
        failure = cls(
            id=reader.text("id"),
            stage=reader.choice("stage", STAGES),  # type: ignore[arg-type]  # choice() checked it
            severity=reader.choice("severity", SEVERITIES),  # type: ignore[arg-type]  # as above
            cause=reader.text("cause"),
            cure=reader.text("cure"),
            provenance=read_provenance(reader),
            patterns=reader.texts("patterns", ()),
            generic=reader.flag("generic", default=False),
            over=reader.texts("over", ()),
            when=Circumstances() if when is None else Circumstances.from_mapping(when, where=f"{where}, when"),
            ending=None if ending is None else _ending(ending, where=f"{where}, ending"),
        )
        reader.finish()
        return failure


def _ending(row: Mapping[str, Any], *, where: str) -> Ending:
    reader = Reader(row, where=where)
    ending = Ending(returncode=reader.integer("returncode"), silent=reader.flag("silent", default=False))
    reader.finish()
    return ending
