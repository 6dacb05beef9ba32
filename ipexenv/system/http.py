"""HTTP behind a Protocol: pages, files, and parts of files."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Protocol

from ipexenv.system.access import USUAL_ACCESS, Access, NoRangesError, UnreachableError
from ipexenv.system.fetch import CONNECT_LIMIT_S, Deadline, fetch

if TYPE_CHECKING:
    from collections.abc import Iterator

    import requests

__all__ = [
    "CONNECT_LIMIT_S",
    "USUAL_ACCESS",
    "Access",
    "Http",
    "NoRangesError",
    "Page",
    "Piece",
    "RequestsHttp",
    "UnreachableError",
]

_CHUNK_BYTES = 1 << 16
_OK = 200
_PARTIAL = 206
_NO_RANGES = frozenset({400, 416, 501})
"""What servers and proxies answer that know files as a whole only, or have a shorter one."""
_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)")
_AS_IT_IS = {"Accept": "*/*", "Accept-Encoding": "identity"}
"""For files: nothing on the way may compress them, or the bytes would be counted twice over."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """One answer, whole and with status 200."""

    url: str
    """After redirects."""
    content_type: str
    body: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """A part of a file, exactly the bytes that were asked for."""

    body: bytes
    whole_bytes: int | None
    """Size of the whole file, None where the server does not tell."""


class Http(Protocol):
    """Fetches pages, and files whole or in part."""

    def get(self, url: str, *, accept: str, limit_s: float, max_bytes: int, access: Access = USUAL_ACCESS) -> Page:
        """Return the page at ``url`` within ``limit_s`` seconds in all, or raise UnreachableError."""
        ...

    def get_range(
        self, url: str, *, start: int, size_bytes: int, limit_s: float, access: Access = USUAL_ACCESS
    ) -> Piece:
        """Return ``size_bytes`` bytes of a file from byte ``start`` on, or raise UnreachableError.

        Raises NoRangesError where the server answers with anything else than that part.
        """
        ...

    def save(self, url: str, file: IO[bytes], *, limit_s: float, max_bytes: int, access: Access = USUAL_ACCESS) -> None:
        """Write the whole file at ``url`` to ``file``, or raise UnreachableError; ``file`` then holds a part of it."""
        ...


class RequestsHttp:
    """The real Http. Credentials in the URL or in netrc, and proxies of the environment, are honoured.

    Every request runs in a thread of its own: a socket's own time-out starts anew with every byte and does not cover
    name resolution, so a server that drips, or a resolver that is silent, is left behind when the time is up.
    """

    def get(self, url: str, *, accept: str, limit_s: float, max_bytes: int, access: Access = USUAL_ACCESS) -> Page:
        """Fetch ``url``; see Http.get."""

        def take(response: requests.Response, deadline: Deadline) -> Page:
            _refuse_status(response)
            too_large = UnreachableError(f"the page is larger than {max_bytes} bytes", status=_OK)
            body = b"".join(_chunks(response, deadline, max_bytes=max_bytes, too_large=too_large))
            _refuse_cut_off(response, len(body))
            return Page(url=response.url, content_type=response.headers.get("Content-Type", ""), body=body)

        return fetch(url, {"Accept": accept}, take, limit_s=limit_s, access=access)

    def get_range(
        self, url: str, *, start: int, size_bytes: int, limit_s: float, access: Access = USUAL_ACCESS
    ) -> Piece:
        """Fetch a part of the file at ``url``; see Http.get_range."""

        def take(response: requests.Response, deadline: Deadline) -> Piece:
            whole_bytes = _check_range(response, start=start, size_bytes=size_bytes)
            too_large = NoRangesError(f"sends more than the {size_bytes} bytes that were asked for", status=_PARTIAL)
            body = b"".join(_chunks(response, deadline, max_bytes=size_bytes, too_large=too_large))
            if len(body) != size_bytes:
                raise NoRangesError(f"sends {len(body)} bytes where {size_bytes} were asked for", status=_PARTIAL)
            return Piece(body=body, whole_bytes=whole_bytes)

        headers = {**_AS_IT_IS, "Range": f"bytes={start}-{start + size_bytes - 1}"}
        return fetch(url, headers, take, limit_s=limit_s, access=access)

    def save(self, url: str, file: IO[bytes], *, limit_s: float, max_bytes: int, access: Access = USUAL_ACCESS) -> None:
        """Fetch the file at ``url`` into ``file``; see Http.save."""

        def take(response: requests.Response, deadline: Deadline) -> None:
            _refuse_status(response)
            too_large = UnreachableError(f"the file is larger than {max_bytes} bytes", status=_OK)
            chunks = _chunks(response, deadline, max_bytes=max_bytes, too_large=too_large)
            _refuse_cut_off(response, sum(file.write(chunk) for chunk in chunks))

        fetch(url, _AS_IT_IS, take, limit_s=limit_s, access=access)


def _refuse_status(response: requests.Response) -> None:
    status = response.status_code
    if status != _OK:
        raise UnreachableError(f"HTTP {status} {response.reason or ''}".rstrip(), status=status)


def _check_range(response: requests.Response, *, start: int, size_bytes: int) -> int | None:
    """Return the size of the whole file where the answer is the part that was asked for, else raise."""
    status = response.status_code
    if status == _OK or status in _NO_RANGES:
        raise NoRangesError("serves no parts of files", status=status)
    if status != _PARTIAL:
        _refuse_status(response)
    match = _RANGE.fullmatch(response.headers.get("Content-Range", "").strip())
    encoded = response.headers.get("Content-Encoding", "identity") != "identity"
    if match is None or encoded or (int(match[1]), int(match[2])) != (start, start + size_bytes - 1):
        raise NoRangesError("answers with another part of the file than was asked for", status=status)
    return None if match[3] == "*" else int(match[3])


def _chunks(
    response: requests.Response, deadline: Deadline, *, max_bytes: int, too_large: UnreachableError
) -> Iterator[bytes]:
    size_bytes = 0
    for chunk in response.iter_content(_CHUNK_BYTES):
        size_bytes += len(chunk)
        if size_bytes > max_bytes:
            raise too_large
        deadline.check()
        yield chunk


def _refuse_cut_off(response: requests.Response, size_bytes: int) -> None:
    """Raise when fewer bytes came than were announced: older urllib3 lets that pass."""
    announced = response.headers.get("Content-Length", "")
    if announced.isdigit() and "Content-Encoding" not in response.headers and int(announced) > size_bytes:
        raise UnreachableError(f"cut off after {size_bytes} of {announced} bytes", status=response.status_code)
