"""A file that a loopback server gives well or badly, one way for each request: what downloads have to live with."""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from packaging.utils import parse_wheel_filename

from ipexenv.ruling import Offer
from tests.servers import BINARY

if TYPE_CHECKING:
    from collections.abc import Callable
    from http.server import BaseHTTPRequestHandler

    from tests.servers import Site

    Act = Callable[["ServedFile", BaseHTTPRequestHandler], None]

NAME = "demo-1.0-py3-none-any.whl"


@dataclass
class ServedFile:
    """One file at ``/<name>``; ``acts`` are played once each, and then it is served as it should be."""

    site: Site
    body: bytes
    name: str = NAME
    acts: list[Act] = field(default_factory=list)
    ranges: bool = True
    etag: str | None = '"one"'
    asked: list[str] = field(default_factory=list)
    """The ``Range`` of each request, empty where it had none."""
    sent_bytes: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    """Requests are answered in threads of their own."""

    def __post_init__(self) -> None:
        self.site.paths[f"/{self.name}"] = self._handle

    def offer(self, *, known: bool = True, source: str = "here", sized: bool = False) -> Offer:
        """Return the offer of this file; ``known`` with its hash, ``sized`` with its length."""
        project, version, _build, _tags = parse_wheel_filename(self.name)
        return Offer(
            project=project,
            version=version,
            filename=self.name,
            url=f"{self.site.url}/{self.name}",
            source=source,
            sha256=hashlib.sha256(self.body).hexdigest() if known else None,
            size_bytes=len(self.body) if sized else None,
        )

    def _handle(self, request: BaseHTTPRequestHandler) -> None:
        with self.lock:
            self.asked.append(request.headers.get("Range", ""))
            act = self.acts.pop(0) if self.acts else ServedFile.serve
        act(self, request)

    def span(self, request: BaseHTTPRequestHandler) -> tuple[int, int] | None:
        """Return first and last byte of a range request that is to be honoured."""
        wanted = request.headers.get("Range", "")
        unchanged = request.headers.get("If-Range") in {None, self.etag}
        if not (self.ranges and unchanged and wanted.startswith("bytes=")):
            return None
        first, _, last = wanted.removeprefix("bytes=").partition("-")
        return int(first), min(int(last or len(self.body)), len(self.body) - 1)

    def start(self, request: BaseHTTPRequestHandler, *, length: int | None = None) -> bytes:
        """Send the headers, whole or partial as asked for, and return the body that goes with them."""
        span = self.span(request)
        first, last = span or (0, len(self.body) - 1)
        part = self.body[first : last + 1]
        request.send_response(200 if span is None else 206)
        request.send_header("Content-Type", BINARY)
        request.send_header("Content-Length", str(len(part) if length is None else length))
        if self.etag is not None:
            request.send_header("ETag", self.etag)
        if span is not None:
            request.send_header("Content-Range", f"bytes {first}-{last}/{len(self.body)}")
        request.end_headers()
        return part

    def serve(self, request: BaseHTTPRequestHandler) -> None:
        """Do it right."""
        part = self.start(request)
        with self.lock:
            self.sent_bytes += len(part)  # before: whoever has got it may look at once
        request.wfile.write(part)


def cut(at_bytes: int) -> Act:
    """Announce all of it, send so many bytes and hang up."""

    def act(file: ServedFile, request: BaseHTTPRequestHandler) -> None:
        request.wfile.write(file.start(request)[:at_bytes])
        request.close_connection = True

    return act


def stall(at_bytes: int) -> Act:
    """Send so many bytes and then nothing until the server closes."""

    def act(file: ServedFile, request: BaseHTTPRequestHandler) -> None:
        request.wfile.write(file.start(request)[:at_bytes])
        request.wfile.flush()
        file.site.closing.wait(60)
        request.close_connection = True

    return act


def silent(file: ServedFile, request: BaseHTTPRequestHandler) -> None:
    """Take the request and never answer."""
    file.site.closing.wait(60)
    request.close_connection = True


def drip(file: ServedFile, request: BaseHTTPRequestHandler) -> None:
    """Send one byte after the other, for ever."""
    for byte in file.start(request):
        request.wfile.write(bytes([byte]))
        request.wfile.flush()
        if file.site.closing.wait(0.05):
            return


def status(code: int, **headers: str) -> Act:
    """Answer with an error."""

    def act(_file: ServedFile, request: BaseHTTPRequestHandler) -> None:
        request.send_response(code)
        request.send_header("Content-Length", "0")
        for name, value in headers.items():
            request.send_header(name.replace("_", "-"), value)
        request.end_headers()

    return act


def chunked(file: ServedFile, request: BaseHTTPRequestHandler) -> None:
    """Send the whole file without telling how long it is."""
    _chunk_headers(request)
    for start in range(0, len(file.body), 1000):
        _chunk(request, file.body[start : start + 1000])
    _chunk(request, b"")


def chunked_and_cut(file: ServedFile, request: BaseHTTPRequestHandler) -> None:
    """Begin to, and hang up."""
    _chunk_headers(request)
    _chunk(request, file.body[:1000])
    request.close_connection = True


def garbage(file: ServedFile, request: BaseHTTPRequestHandler) -> None:
    """Answer with a page for people, as log-in portals do."""
    page = b"<html><body>please log in</body></html>"
    request.send_response(200)
    request.send_header("Content-Type", "text/html; charset=utf-8")
    request.send_header("Content-Length", str(len(page)))
    request.end_headers()
    request.wfile.write(page)


def noise(_file: ServedFile, request: BaseHTTPRequestHandler) -> None:
    """Answer with what is not HTTP at all."""
    request.wfile.write(b"\x00\xff\x13 not http\r\n\r\n")
    request.close_connection = True


def wrong_range(_file: ServedFile, request: BaseHTTPRequestHandler) -> None:
    """Answer with another part than was asked for."""
    request.send_response(206)
    request.send_header("Content-Range", "bytes 7-9/100")
    request.send_header("Content-Length", "3")
    request.end_headers()
    request.wfile.write(b"abc")


def _chunk_headers(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.send_header("Content-Type", BINARY)
    request.send_header("Transfer-Encoding", "chunked")
    request.end_headers()


def _chunk(request: BaseHTTPRequestHandler, data: bytes) -> None:
    request.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
