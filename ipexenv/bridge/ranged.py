"""A file on a server, of which only what is needed is fetched."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ipexenv.bridge.archive import WrongFileError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ipexenv.bridge.archive import Span

_LEAST_BYTES = 1 << 14
_TAIL_BYTES = 1 << 16
"""A wheel's directory lies at its end; those of the wheels that the bridge needs are 2 to 12 KB long."""
_GAP_BYTES = 1 << 16
"""What is not needed and still fetched where it saves a request: about what a line carries while one is answered."""


class RangedFile:
    """Read a file of known size through a function that fetches parts of it; see ``archive.Readable``.

    ``fetch(start, size_bytes)`` returns exactly these bytes. At most ``limit_bytes`` are fetched in all, so that an
    archive that lies about its own structure cannot have itself downloaded whole: WrongFileError is raised then.
    """

    def __init__(self, fetch: Callable[[int, int], bytes], *, size_bytes: int, limit_bytes: int) -> None:
        self.fetched_bytes = 0
        self._fetch = fetch
        self._size_bytes = size_bytes
        self._limit_bytes = limit_bytes
        self._place = 0
        self._pieces: list[tuple[int, bytes]] = []
        self._want((size_bytes - _TAIL_BYTES, size_bytes))

    def read(self, size: int = -1, /) -> bytes:
        """Return the next ``size`` bytes, all that are left where it is negative, fewer at the end."""
        end = self._size_bytes if size < 0 else min(self._place + size, self._size_bytes)
        if end <= self._place:
            return b""
        data = self._held((self._place, end))
        if data is None:
            self._want((self._place, max(end, self._place + _LEAST_BYTES)))
            data = self._held((self._place, end)) or b""
        self._place = end
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Go to a place and return it; raise ValueError for one before the beginning."""
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._size_bytes}[whence]
        if start + offset < 0:
            raise ValueError("a place before the beginning of the file")
        self._place = start + offset
        return self._place

    def tell(self) -> int:
        """Return the place."""
        return self._place

    def seekable(self) -> bool:
        """Say that any place can be gone to."""
        return True

    def want(self, spans: Iterable[Span]) -> None:
        """Fetch spans that will be read, those that lie close together in one request."""
        joined: list[Span] = []
        for start, end in sorted(spans):
            if joined and start <= joined[-1][1] + _GAP_BYTES:
                joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
            else:
                joined.append((start, end))
        for span in joined:
            self._want(span)

    def _want(self, span: Span) -> None:
        start, end = max(0, span[0]), min(span[1], self._size_bytes)
        if end <= start or self._held((start, end)) is not None:
            return
        self.fetched_bytes += end - start
        if self.fetched_bytes > self._limit_bytes:
            raise WrongFileError("its directory points at far more than the files that are needed")
        self._pieces.append((start, self._fetch(start, end - start)))

    def _held(self, span: Span) -> bytes | None:
        start, end = span
        for first, data in self._pieces:
            if first <= start and end <= first + len(data):
                return data[start - first : end - first]
        return None
