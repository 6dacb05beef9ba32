"""The public places that serve wheels, as typed data. Pure: no file is opened here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

from ipexenv.reading import Reader
from ipexenv.tables.releases import Provenance, read_provenance

if TYPE_CHECKING:
    from collections.abc import Mapping

SourceKind = Literal["simple", "find-links", "files"]
SourceState = Literal["serving", "partly", "forbidden", "gone", "unknown"]

SOURCE_KINDS = get_args(SourceKind)
SOURCE_STATES = get_args(SourceState)


@dataclass(frozen=True, kw_only=True, slots=True)
class NamedSource:
    """A public place that serves wheels, with the state it was last seen in."""

    name: str
    url: str
    kind: SourceKind
    """``simple`` (PEP 503/691 root, one folder a project), ``find-links`` (one page of links) or ``files``.

    ``files`` is a bare file host: it has no page to ask, and stands in the table because links and logs name it.
    """
    serves: tuple[str, ...]
    """Distribution names, normalised (``oneccl-bind-pt``)."""
    state: SourceState
    state_seen: str
    """Date on which that state was last seen, ISO 8601."""
    ask: bool = True
    """Whether to ask it at all: dead addresses stay in the table as history."""
    provenance: Provenance

    @classmethod
    def from_mapping(cls, row: Mapping[str, Any], *, where: str) -> NamedSource:
        """Read one ``[[source]]`` row; raise MalformedError that names the bad key."""
        reader = Reader(row, where=where)
        source = cls(
            name=reader.text("name"),
            url=reader.text("url"),
            kind=reader.choice("kind", SOURCE_KINDS),  # type: ignore[arg-type]  # choice() checked it
            serves=reader.texts("serves"),
            state=reader.choice("state", SOURCE_STATES),  # type: ignore[arg-type]  # choice() checked it
            state_seen=reader.text("state_seen"),
            ask=reader.flag("ask", default=True),
            provenance=read_provenance(reader),
        )
        reader.finish()
        return source
