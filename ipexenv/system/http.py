"""HTTP behind a Protocol. `requests` is imported on first use: most commands never need it."""

from __future__ import annotations

import os
import re
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import requests

CONNECT_LIMIT_S = 4.0
_MAX_REDIRECTS = 5
_CHUNK_BYTES = 1 << 16
_OK = 200


class UnreachableError(Exception):
    """A URL gave no usable answer; the text says why in a few words, without credentials."""

    def __init__(self, text: str, *, status: int | None = None) -> None:
        """Keep the words and, where the server answered at all, its HTTP status."""
        super().__init__(text)
        self.status = status


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """One answer, whole and with status 200."""

    url: str
    """After redirects."""
    content_type: str
    body: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Access:
    """How to get through to one server."""

    verify: str | bool = True
    """A file or folder of certificate authorities, False to trust any certificate, True for the usual ones."""
    client_cert: str | None = None
    """File with the client's certificate and key (PEM)."""
    proxy: str | None = None
    """Proxy for every scheme; None leaves it to the environment (``HTTPS_PROXY``, ``NO_PROXY``)."""


USUAL_ACCESS = Access()


class Http(Protocol):
    """Fetches pages."""

    def get(self, url: str, *, accept: str, limit_s: float, max_bytes: int, access: Access = USUAL_ACCESS) -> Page:
        """Return the page at ``url`` within ``limit_s`` seconds in all, or raise UnreachableError."""
        ...


class RequestsHttp:
    """The real Http. Credentials in the URL or in netrc, and proxies of the environment, are honoured."""

    def get(self, url: str, *, accept: str, limit_s: float, max_bytes: int, access: Access = USUAL_ACCESS) -> Page:
        """Fetch ``url`` in a thread of its own; see Http.get.

        A socket's own time-out starts anew with every byte and does not cover name resolution, so a server that
        drips, or a resolver that is silent, is left behind when the time is up.
        """
        fetch = _Fetch(url, accept=accept, limit_s=limit_s, max_bytes=max_bytes, access=access)
        fetch.join(limit_s)
        if fetch.page is not None:
            return fetch.page
        raise fetch.error or UnreachableError(f"no complete answer within {limit_s:g} s")


class _Fetch(threading.Thread):
    """One request under way; it may outlive the wait for it, and ends with the process."""

    def __init__(self, url: str, *, accept: str, limit_s: float, max_bytes: int, access: Access) -> None:
        super().__init__(daemon=True, name="ipexenv-fetch")
        self.page: Page | None = None
        self.error: UnreachableError | None = None
        self._url = url
        self._accept = accept
        self._limit_s = limit_s
        self._deadline = time.monotonic() + limit_s
        self._max_bytes = max_bytes
        self._access = access
        self.start()

    def run(self) -> None:
        import requests  # noqa: PLC0415 (70 ms that most commands need not pay)

        try:
            with _session(self._access, secure=self._url.startswith("https:")) as session:
                self.page = self._fetch(session)
        except UnreachableError as error:
            self.error = error
        except (requests.RequestException, OSError, ValueError) as error:
            self.error = UnreachableError(_words(error))

    def _fetch(self, session: requests.Session) -> Page:
        response = session.get(
            self._url,
            headers={"Accept": self._accept, "User-Agent": "ipexenv", "Cache-Control": "max-age=0"},
            timeout=(min(CONNECT_LIMIT_S, self._limit_s), self._limit_s),
            stream=True,
            verify=self._access.verify,
        )
        with response:
            status = response.status_code
            if status != _OK:
                raise UnreachableError(f"HTTP {status} {response.reason or ''}".rstrip(), status=status)
            body = b"".join(self._chunks(response))
            _refuse_cut_off(response, len(body))
            return Page(url=response.url, content_type=response.headers.get("Content-Type", ""), body=body)

    def _chunks(self, response: requests.Response) -> list[bytes]:
        chunks: list[bytes] = []
        size_bytes = 0
        for chunk in response.iter_content(_CHUNK_BYTES):
            chunks.append(chunk)
            size_bytes += len(chunk)
            if size_bytes > self._max_bytes:
                raise UnreachableError(f"the page is larger than {self._max_bytes} bytes", status=response.status_code)
            if time.monotonic() > self._deadline:
                raise UnreachableError(f"no complete answer within {self._limit_s:g} s")
        return chunks


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


def _refuse_cut_off(response: requests.Response, size_bytes: int) -> None:
    """Raise when fewer bytes came than were announced: older urllib3 lets that pass."""
    announced = response.headers.get("Content-Length", "")
    if announced.isdigit() and "Content-Encoding" not in response.headers and int(announced) > size_bytes:
        raise UnreachableError(f"cut off after {size_bytes} of {announced} bytes", status=response.status_code)


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
    (r"reset by peer|RemoteDisconnected|Connection aborted", "the server closed the connection"),
    (r"InvalidSchema|No connection adapters", "redirected to something that is not HTTP"),
    (r"InvalidURL|LocationParseError|Invalid URL|Failed to parse", "not a valid URL"),
)


def _words(error: Exception) -> str:
    """Say in a few words what went wrong; the library's own text may hold the URL with its password."""
    text = f"{type(error).__name__}: {error}"
    return next((words for pattern, words in _KNOWN if re.search(pattern, text)), type(error).__name__)
