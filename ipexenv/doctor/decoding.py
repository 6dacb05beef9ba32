"""Logs that are not UTF-8: what Windows' shells write is UTF-16. Pure."""

from __future__ import annotations

import codecs
from itertools import chain
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_MARK_BYTES = 2


def as_utf8(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Give the same text in UTF-8 where its first bytes say that it is UTF-16, everything else as it is.

    Damaged characters become U+FFFD; nothing raises.
    """
    rest = iter(pieces)
    first = b""
    while len(first) < _MARK_BYTES and (piece := next(rest, None)) is not None:
        first += piece
    if not first.startswith(_MARKS):
        yield first
        yield from rest
        return
    decoder = codecs.getincrementaldecoder("utf-16")("replace")
    for piece in chain((first,), rest):
        yield decoder.decode(piece).encode("utf-8", "replace")
    yield decoder.decode(b"", final=True).encode()
