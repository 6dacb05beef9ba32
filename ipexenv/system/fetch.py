"""One request in a thread of its own, so that it can be left behind. `requests` is imported on first use."""

from __future__ import annotations

import os
import re
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from ipexenv.system.access import UnreachableError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import requests

    from ipexenv.system.access import Access

_T = TypeVar("_T")

CONNECT_LIMIT_S = 4.0
SILENCE_LIMIT_S = 30.0
"""How long a server may say nothing in the middle of a file."""
_MAX_REDIRECTS = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Deadline:
    """When an answer has to be complete."""

    limit_s: float
    ends: float
    """On the monotonic clock."""

    def check(self) -> None:
        """Raise UnreachableError where the time is up."""
        if time.monotonic() > self.ends:
            raise UnreachableError(f"no complete answer within {self.limit_s:g} s")


def fetch(
    url: str,
    headers: Mapping[str, str],
    take: Callable[[requests.Response, Deadline], _T],
    *,
    limit_s: float,
    access: Access,
) -> _T:
    """Return what ``take`` makes of the answer; raise UnreachableError where there is none in time."""
    under_way = _Fetch(url, headers, take, limit_s=limit_s, access=access)
    under_way.join(limit_s)
    if under_way.taken is not None:
        return under_way.taken[0]
    raise under_way.error or UnreachableError(f"no complete answer within {limit_s:g} s")


class _Fetch(threading.Thread, Generic[_T]):
    """One request under way; it may outlive the wait for it, and ends with the process."""

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str],
        take: Callable[[requests.Response, Deadline], _T],
        *,
        limit_s: float,
        access: Access,
    ) -> None:
        super().__init__(daemon=True, name="ipexenv-fetch")
        self.taken: tuple[_T] | None = None
        self.error: UnreachableError | None = None
        self._url = url
        self._headers = {"User-Agent": "ipexenv", "Cache-Control": "max-age=0", **headers}
        self._take = take
        self._deadline = Deadline(limit_s=limit_s, ends=time.monotonic() + limit_s)
        self._access = access
        self.start()

    def run(self) -> None:
        import requests  # noqa: PLC0415 (70 ms that most commands need not pay)

        try:
            with _session(self._access, secure=self._url.startswith("https:")) as session:
                self.taken = (self._answer(session),)
        except UnreachableError as error:
            self.error = error
        except (requests.RequestException, OSError, ValueError) as error:
            self.error = UnreachableError(_words(error))

    def _answer(self, session: requests.Session) -> _T:
        limit_s = self._deadline.limit_s
        response = session.get(
            self._url,
            headers=self._headers,
            timeout=(min(CONNECT_LIMIT_S, limit_s), min(SILENCE_LIMIT_S, limit_s)),
            stream=True,
            verify=self._access.verify,
        )
        with response:
            return self._take(response, self._deadline)


def _session(access: Access, *, secure: bool) -> requests.Session:
    import requests  # noqa: PLC0415

    if access.verify is False:
        from urllib3 import disable_warnings, exceptions  # noqa: PLC0415

        disable_warnings(exceptions.InsecureRequestWarning)  # the user trusts this host by name
    session = requests.Session()
    session.max_redirects = _MAX_REDIRECTS
    session.cert = access.client_cert
    if access.proxy:
        session.proxies = {"http": access.proxy, "https": access.proxy}
    own_bundle = any(os.environ.get(name) for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"))
    if secure and access.verify is True and not own_bundle:
        session.mount("https://", _system_trust())
    return session


def _system_trust() -> requests.adapters.HTTPAdapter:
    """Return an adapter that trusts the system's certificate store beside the one that requests brings.

    pip >= 24.2 does the same: the certificate of a company's proxy is known to the system alone.
    """
    import ssl  # noqa: PLC0415

    from requests.adapters import HTTPAdapter  # noqa: PLC0415

    class SystemTrust(HTTPAdapter):
        def init_poolmanager(self, *args: object, **kwargs: object) -> None:
            super().init_poolmanager(*args, **kwargs, ssl_context=ssl.create_default_context())  # type: ignore[arg-type]  # passed on

    return SystemTrust()


# Text of the innermost exception -> what people call it. Sources: requests, urllib3, OpenSSL and glibc messages.
_KNOWN = (
    (r"certificate has expired", "TLS: the certificate has expired"),
    (r"self.signed", "TLS: the certificate is self-signed"),
    (r"[Hh]ostname mismatch|doesn't match", "TLS: the certificate is for another host"),
    (r"CERTIFICATE_VERIFY_FAILED", "TLS: the certificate is not trusted"),
    (r"CA certificate bundle|TLS certificate file", "TLS: the configured certificate file does not exist"),
    (r"WRONG_VERSION_NUMBER|RECORD_LAYER_FAILURE", "TLS: the server does not speak it on this port"),
    (r"SSLError|\[SSL", "TLS: the handshake failed"),
    (r"ProxyError|Unable to connect to proxy", "the proxy does not let it through"),
    (r"Name or service not known|name resolution|nodename nor|NameResolutionError|No address", "unknown host name"),
    (r"Connection refused", "connection refused"),
    (r"unreachable", "the network is unreachable"),
    (r"ConnectTimeout|connect timeout", f"no connection within {CONNECT_LIMIT_S:.0f} s"),
    (r"ReadTimeout|Read timed out", "no answer in time"),
    (r"IncompleteRead|ChunkedEncodingError", "cut off before its end"),
    (r"TooManyRedirects", f"more than {_MAX_REDIRECTS} redirects"),
    (r"ContentDecodingError|DecodeError", "its compressed body is damaged"),
    (r"No space left", "no room is left on the disk"),
    (r"reset by peer|RemoteDisconnected|Connection aborted", "the server closed the connection"),
    (r"InvalidSchema|No connection adapters", "redirected to something that is not HTTP"),
    (r"InvalidURL|LocationParseError|Invalid URL|Failed to parse", "not a valid URL"),
)


def _words(error: Exception) -> str:
    """Say in a few words what went wrong; the library's own text may hold the URL with its password."""
    text = f"{type(error).__name__}: {error}"
    return next((words for pattern, words in _KNOWN if re.search(pattern, text)), type(error).__name__)
