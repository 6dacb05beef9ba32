"""Files over HTTP, streamed, behind a Protocol: one request, no redirect followed, chunks as they come."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from ipexenv.system.access import USUAL_ACCESS, Access, UnreachableError
from ipexenv.system.fetch import CONNECT_LIMIT_S, _session, _words
from ipexenv.system.head import Head, Span, head_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    import requests

__all__ = ["Credentials", "CutOffError", "Head", "Incoming", "RequestsTransfer", "Span", "StalledError", "Transfer"]

_CHUNK_BYTES = 1 << 18
_LEAST_BYTES = 1 << 12
"""A server that sends less than this within the stall limit is as good as silent."""


class CutOffError(UnreachableError):
    """The connection ended before the answer did."""


class StalledError(UnreachableError):
    """The server took the request and then sent nothing, or next to nothing, for too long."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Credentials:
    """Who to be on one server."""

    user: str = field(repr=False)
    password: str = field(repr=False)


class Incoming(Protocol):
    """One answer whose body has not been read yet."""

    @property
    def head(self) -> Head:
        """Return what came before the body."""
        ...

    def chunks(self) -> Iterator[bytes]:
        """Yield the body as it comes. Raises CutOffError, StalledError or another UnreachableError."""
        ...


class Transfer(Protocol):
    """Streams files, or parts of them."""

    def open(  # noqa: PLR0913 (the parts of a request)
        self,
        url: str,
        *,
        wanted: tuple[int, int | None] | None = None,
        validator: str | None = None,
        access: Access = USUAL_ACCESS,
        credentials: Credentials | None = None,
        stall_s: float,
    ) -> AbstractContextManager[Incoming]:
        """Ask for ``url`` and return the answer, whatever its status; redirects are answers too.

        ``wanted`` is the range of bytes to ask for, both ends included, open where its second is None; ``validator``
        makes the server send the whole file where it is no longer the same one. ``stall_s`` limits every silence.
        Raises UnreachableError where no answer comes; no text ever holds a credential.
        """
        ...

    def abort(self) -> None:
        """Break off everything under way, from any thread; whoever waits gets an UnreachableError."""
        ...

    def close(self) -> None:
        """Drop idle connections. The transfer can be used again."""
        ...


class RequestsTransfer:
    """The real Transfer. Credentials in the URL or in netrc, and proxies of the environment, are honoured."""

    def __init__(self) -> None:
        """Start without a connection; those that become idle serve the next request to the same host."""
        self._lock = threading.Lock()
        self._idle: dict[tuple[Access, bool], list[requests.Session]] = {}
        self._open: set[_Answer] = set()

    @contextmanager
    def open(  # noqa: PLR0913 (see Transfer.open)
        self,
        url: str,
        *,
        wanted: tuple[int, int | None] | None = None,
        validator: str | None = None,
        access: Access = USUAL_ACCESS,
        credentials: Credentials | None = None,
        stall_s: float,
    ) -> Iterator[Incoming]:
        """Ask; see Transfer.open."""
        session = self._take(access, secure=url.startswith("https:"))
        try:
            with _answer_to(session, url, _headers(wanted, validator), access, credentials, stall_s) as response:
                answer = _Answer(response, url, stall_s=stall_s)
                with self._lock:
                    self._open.add(answer)
                try:
                    yield answer
                finally:
                    with self._lock:
                        self._open.discard(answer)
        finally:
            self._give_back(session, access, secure=url.startswith("https:"))

    def abort(self) -> None:
        """Break off; see Transfer.abort."""
        with self._lock:
            answers = tuple(self._open)
        for answer in answers:
            answer.abort()

    def close(self) -> None:
        """Drop idle connections; see Transfer.close."""
        with self._lock:
            sessions = [session for sessions in self._idle.values() for session in sessions]
            self._idle.clear()
        for session in sessions:
            session.close()

    def _take(self, access: Access, *, secure: bool) -> requests.Session:
        with self._lock:
            idle = self._idle.get((access, secure))
            if idle:
                return idle.pop()
        return _session(access, secure=secure)

    def _give_back(self, session: requests.Session, access: Access, *, secure: bool) -> None:
        with self._lock:
            self._idle.setdefault((access, secure), []).append(session)


def _headers(wanted: tuple[int, int | None] | None, validator: str | None) -> dict[str, str]:
    headers = {"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": "ipexenv"}
    if wanted is not None:
        first, last = wanted
        headers["Range"] = f"bytes={first}-{'' if last is None else last}"
        if validator is not None:
            headers["If-Range"] = validator
    return headers


@contextmanager
def _answer_to(  # noqa: PLR0913, PLR0917 (the parts of a request)
    session: requests.Session,
    url: str,
    headers: dict[str, str],
    access: Access,
    credentials: Credentials | None,
    stall_s: float,
) -> Iterator[requests.Response]:
    import requests  # noqa: PLC0415 (70 ms that most commands need not pay)

    try:
        auth = None if credentials is None else _auth(credentials)
        prepared = session.prepare_request(requests.Request("GET", url, headers=headers, auth=auth))
        settings: dict[str, Any] = {
            **session.merge_environment_settings(prepared.url, {}, stream=True, verify=access.verify, cert=None)
        }
        # Not session.send: it reads the body of every redirect whole, however long that is or takes.
        response = session.get_adapter(url).send(prepared, timeout=(min(CONNECT_LIMIT_S, stall_s), stall_s), **settings)
    except (requests.RequestException, OSError, ValueError) as error:
        raise _unreachable(error) from None
    with response:
        yield response


def _auth(credentials: Credentials) -> requests.auth.HTTPBasicAuth:
    from requests.auth import HTTPBasicAuth  # noqa: PLC0415 (as above)

    # As bytes in UTF-8: text would be sent in Latin-1, and fail for what that cannot hold.
    return HTTPBasicAuth(credentials.user.encode(), credentials.password.encode())


class _Answer:
    """The answer to one request."""

    def __init__(self, response: requests.Response, url: str, *, stall_s: float) -> None:
        self.head = head_of(response, url)
        self._response = response
        self._stall_s = stall_s
        self._aborted = False

    def chunks(self) -> Iterator[bytes]:
        """Yield the body; see Incoming.chunks. TLS gives 16 KiB at a time: they are gathered, and none is lost."""
        gathered: list[bytes] = []
        size_bytes = 0
        try:
            for chunk in self._as_it_comes():
                gathered.append(chunk)
                size_bytes += len(chunk)
                if size_bytes >= _CHUNK_BYTES:
                    yield b"".join(gathered)
                    gathered, size_bytes = [], 0
        except UnreachableError:
            if gathered:
                yield b"".join(gathered)
            raise
        if gathered:
            yield b"".join(gathered)

    def _as_it_comes(self) -> Iterator[bytes]:
        raw = self._response.raw
        # read1 returns what is there. A plain read waits for a whole chunk, and a server that drips would never end it.
        read = getattr(raw, "read1", None) or raw.read
        came_bytes, window_bytes, window_ends = 0, 0, time.monotonic() + self._stall_s
        while chunk := self._next(read):
            came_bytes += len(chunk)
            window_bytes += len(chunk)
            yield chunk
            if time.monotonic() > window_ends:
                if window_bytes < _LEAST_BYTES and came_bytes != self.head.length_bytes:
                    raise StalledError(f"it sent {window_bytes} bytes in {self._stall_s:g} s", status=self.head.status)
                window_bytes, window_ends = 0, time.monotonic() + self._stall_s
        if self.head.length_bytes is not None and came_bytes < self.head.length_bytes:
            raise CutOffError(f"cut off after {came_bytes} of {self.head.length_bytes} bytes", status=self.head.status)

    def _next(self, read: _Read) -> bytes:
        from http.client import HTTPException  # noqa: PLC0415 (as below)

        import requests  # noqa: PLC0415 (as above)
        from urllib3.exceptions import HTTPError  # noqa: PLC0415 (comes with requests)

        try:
            chunk = read(_CHUNK_BYTES, decode_content=False)
        except (requests.RequestException, HTTPError, HTTPException, OSError, ValueError, AttributeError) as error:
            # AttributeError: http.client's, where abort() closed the connection under a reader
            raise _unreachable(error, status=self.head.status) from None
        if self._aborted:
            # shutdown() takes TLS off a socket: what the reader gets from then on may still be encrypted.
            raise CutOffError("broken off", status=self.head.status)
        return chunk

    def abort(self) -> None:
        """Wake whoever waits for the body; without urllib3 2.3 it waits for the stall limit instead."""
        self._aborted = True
        shutdown = getattr(self._response.raw, "shutdown", None)
        if shutdown is not None:
            try:
                shutdown()
            # It has just ended by itself: urllib3 says so, or forgot the socket's method between its look and the call.
            except (OSError, ValueError, RuntimeError, TypeError):
                return


class _Read(Protocol):
    def __call__(self, amount: int, /, *, decode_content: bool) -> bytes: ...


def _unreachable(error: Exception, *, status: int | None = None) -> UnreachableError:
    words = _words(error)
    if words == "no answer in time":
        return StalledError(words, status=status)
    if status is not None:
        return CutOffError("cut off before its end", status=status)
    return UnreachableError(words, status=status)
