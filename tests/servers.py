"""Loopback servers that play indexes and pages of links, well and badly."""

from __future__ import annotations

import contextlib
import hashlib
import html
import http.server
import io
import json
import secrets
import shutil
import socket
import ssl
import threading
import zipfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlsplit

from packaging.utils import parse_wheel_filename

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

CERTIFICATE = Path(__file__).parent / "data" / "loopback.pem"
"""Certificate and key for 127.0.0.1 and localhost, made for these tests alone."""

AUTHORITY = Path(__file__).parent / "data" / "loopback-authority.pem"
"""The authority that signed it, which nothing trusts unless it is told to; its key was thrown away."""

EXPIRED = Path(__file__).parent / "data" / "expired.pem"
"""Certificate and key for the same names, which ran out at the end of 2020."""

EXPIRED_AUTHORITY = Path(__file__).parent / "data" / "expired-authority.pem"
"""The authority that signed it, still valid: whoever trusts it objects to the date alone."""

COMPAT = Path(__file__).parents[1] / "compat"

HTML = "text/html"
JSON = "application/vnd.pypi.simple.v1+json"
BINARY = "application/octet-stream"
_PIECE_BYTES = 1 << 16
_CLIENT_LEFT = (BrokenPipeError, ConnectionResetError, ssl.SSLError)


@dataclass
class Site:
    """What one server serves: path -> what to do with a request for it."""

    url: str = ""
    paths: dict[str, Callable[[http.server.BaseHTTPRequestHandler], None]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    authorizations: list[str] = field(default_factory=list)
    ranges: list[str] = field(default_factory=list)
    """The ``Range`` of every request, empty where the whole was asked for."""
    sent_bytes: Counter[str] = field(default_factory=Counter)
    """Path -> how many bytes were sent for it before its reader had enough."""
    closing: threading.Event = field(default_factory=threading.Event)

    def serve(self, path: str, body: bytes | str, content_type: str = HTML) -> None:
        """Answer ``path`` with ``body``."""
        data = body.encode() if isinstance(body, str) else body
        self.paths[path] = lambda request: _send(request, 200, data, content_type)

    def fail(self, path: str, status: int, body: str = "") -> None:
        """Answer ``path`` with an error."""
        self.paths[path] = lambda request: _send(request, status, body.encode(), HTML)

    def redirect(self, path: str, to: str) -> None:
        """Send whoever asks for ``path`` somewhere else, or in a circle."""
        self.paths[path] = lambda request: _send(request, 302, b"", HTML, Location=to)

    def serve_whole(self, path: str, body: bytes) -> None:
        """Answer ``path`` with all of ``body`` whatever part of it is asked for."""
        self.paths[path] = lambda request: _send_whole(request, 200, body, BINARY)

    def serve_part(self, path: str, answer: Callable[[int, int], tuple[int, str, bytes]]) -> None:
        """Answer with the status, ``Content-Range`` and body that ``answer`` makes of the first and last byte asked."""

        def handle(request: http.server.BaseHTTPRequestHandler) -> None:
            first, _, last = request.headers.get("Range", "bytes=0-0").removeprefix("bytes=").partition("-")
            status, content_range, body = answer(int(first), int(last))
            _send_whole(request, status, body, BINARY, **{"Content-Range": content_range})

        self.paths[path] = handle

    def cut_off(self, path: str, body: bytes, content_type: str = BINARY) -> None:
        """Announce ``body`` whole and send half of it."""

        def handle(request: http.server.BaseHTTPRequestHandler) -> None:
            _start(request, 200, len(body), content_type)
            request.wfile.write(body[: len(body) // 2])
            request.close_connection = True

        self.paths[path] = handle

    def stall(self, path: str, seconds: float = 60.0, body: bytes = b"") -> None:
        """Send the headers and nothing more for ``seconds``, or until the server closes; then ``body``."""

        def handle(request: http.server.BaseHTTPRequestHandler) -> None:
            _start(request, 200, max(1, len(body)), HTML)
            request.wfile.flush()
            self.closing.wait(seconds)
            request.wfile.write(body)
            request.close_connection = True

        self.paths[path] = handle

    def drip(self, path: str, body: bytes, every_s: float = 0.1) -> None:
        """Send ``body`` one byte at a time."""

        def handle(request: http.server.BaseHTTPRequestHandler) -> None:
            _start(request, 200, len(body), HTML)
            for byte in body:
                request.wfile.write(bytes([byte]))
                request.wfile.flush()
                if self.closing.wait(every_s):
                    return

        self.paths[path] = handle

    def files(self, folder: str, wheels: Iterable[Path]) -> None:
        """Serve wheels under ``folder``."""
        for wheel in wheels:
            self.serve(f"{folder}/{wheel.name}", wheel.read_bytes(), BINARY)

    def find_links(self, path: str, wheels: Iterable[Path], *, folder: str = "/files") -> str:
        """Serve one page of links to all wheels, as Intel's old page does, and return its URL."""
        listed = list(wheels)
        self.files(folder, listed)
        rows = "\n".join(
            f'<a href="{folder}/{quote(wheel.name)}">{html.escape(wheel.name)}</a><br/>' for wheel in listed
        )
        self.serve(path, f"<!DOCTYPE html><html><body>\n{rows}\n</body></html>")
        return self.url + path

    def simple(
        self,
        root: str,
        wheels: Iterable[Path],
        *,
        folder: str = "/files",
        as_json: bool = False,
        with_metadata: bool = False,
    ) -> str:
        """Serve a simple index with one page a project, and return its URL.

        With ``with_metadata`` its JSON offers the metadata beside each wheel (PEP 658, 714).
        """
        by_project: dict[str, list[Path]] = {}
        for wheel in wheels:
            by_project.setdefault(str(parse_wheel_filename(wheel.name)[0]), []).append(wheel)
        for project, listed in by_project.items():
            self.files(folder, listed)
            if with_metadata:
                for wheel in listed:
                    self.serve(f"{folder}/{wheel.name}.metadata", _metadata_of(wheel), BINARY)
            if as_json:
                page = _json_page(project, listed, folder, with_metadata=with_metadata)
                self.serve(f"{root}/{project}/", page, JSON)
            else:
                self.serve(f"{root}/{project}/", _html_page(project, listed, folder))
        return self.url + root

    def handle(self, request: http.server.BaseHTTPRequestHandler) -> None:
        """Answer one request."""
        path = unquote(urlsplit(request.path).path)
        self.asked.append(path)
        self.authorizations.append(request.headers.get("Authorization", ""))
        self.ranges.append(request.headers.get("Range", ""))
        plain = request.wfile
        request.wfile = _Counting(plain, self.sent_bytes, path)
        try:
            self.paths.get(path, _not_found)(request)
        except _CLIENT_LEFT:
            request.close_connection = True
        finally:
            request.wfile = plain


def tables_with(folder: Path, sources: Iterable[tuple[str, str, str, tuple[str, ...]]]) -> Path:
    """Write the real tables with other sources: (name, URL, kind, projects). No hash is known: wheels are played."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in COMPAT.glob("*.toml"):
        if file.name != "hashes.toml":
            shutil.copy(file, folder)
    rows = [_row(*source) for source in sources]
    known = {json.loads(row.splitlines()[1].partition(" = ")[2]) for row in rows}
    # Releases name sources of the real table; those that the test does not play stay as history.
    rows += [_row(name, "https://gone.invalid/", "simple", ("nothing",), ask=False) for name in _names() - known]
    (folder / "sources.toml").write_text("\n".join(rows), encoding="utf-8")
    return folder


def _names() -> set[str]:
    lines = (COMPAT / "sources.toml").read_text("utf-8").splitlines()
    return {json.loads(line.partition(" = ")[2]) for line in lines if line.startswith("name = ")}


def _row(name: str, url: str, kind: str, serves: tuple[str, ...], *, ask: bool = True) -> str:
    fields = {
        "name": name,
        "url": url,
        "kind": kind,
        "serves": list(serves),
        "state": "serving",
        "state_seen": "2026-01-01",
        "ask": ask,
        "source": ["made for a test"],
        "confidence": "measured",
    }
    return "[[source]]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in fields.items())


@contextlib.contextmanager
def serving(*, tls: bool = False, certificate: Path = CERTIFICATE) -> Iterator[Site]:
    """Run a server on a free loopback port for as long as the block lasts."""
    site = Site()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 30

        def do_GET(self) -> None:
            site.handle(self)

        do_HEAD = do_GET  # noqa: N815

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    server = _Server(("127.0.0.1", 0), Handler)
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    site.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield site
    finally:
        site.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()


def closed_port() -> str:
    """Return a loopback URL that refuses connections: of a port that no server of another test is ever given."""
    while True:
        port = secrets.choice(range(2_000, 12_000))
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return f"http://127.0.0.1:{port}"


class _Counting(io.BufferedIOBase):
    """A reply that counts what is sent, piece by piece, as a client may leave in the middle."""

    def __init__(self, inner: Any, sent_bytes: Counter[str], path: str) -> None:
        self._inner, self._sent_bytes, self._path = inner, sent_bytes, path

    def write(self, data: bytes) -> int:  # type: ignore[override]  # (bytes are all that is written here)
        for start in range(0, len(data), _PIECE_BYTES):
            piece = data[start : start + _PIECE_BYTES]
            self._inner.write(piece)
            self._sent_bytes[self._path] += len(piece)
        return len(data)

    def flush(self) -> None:
        self._inner.flush()


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, *_arguments: object) -> None:
        """Clients that leave in the middle are what some tests are about."""


def _not_found(request: http.server.BaseHTTPRequestHandler) -> None:
    _send(request, 404, b"nothing here", HTML)


def _start(request: http.server.BaseHTTPRequestHandler, status: int, size: int, content_type: str, **more: str) -> None:
    request.send_response(status)
    request.send_header("Content-Type", content_type)
    request.send_header("Content-Length", str(size))
    request.send_header("Accept-Ranges", "bytes")
    for name, value in more.items():
        request.send_header(name, value)
    request.end_headers()


def _send(
    request: http.server.BaseHTTPRequestHandler, status: int, body: bytes, content_type: str, **more: str
) -> None:
    wanted = request.headers.get("Range")
    if wanted and status == 200 and wanted.startswith("bytes="):
        _send_range(request, body, wanted, content_type)
        return
    _send_whole(request, status, body, content_type, **more)


def _send_whole(
    request: http.server.BaseHTTPRequestHandler, status: int, body: bytes, content_type: str, **more: str
) -> None:
    _start(request, status, len(body), content_type, **more)
    if request.command != "HEAD":
        request.wfile.write(body)


def _send_range(request: http.server.BaseHTTPRequestHandler, body: bytes, wanted: str, content_type: str) -> None:
    first, _, last = wanted.removeprefix("bytes=").partition("-")
    start = int(first) if first else max(0, len(body) - int(last))
    end = min(int(last), len(body) - 1) if first and last else len(body) - 1
    part = body[start : end + 1]
    _start(request, 206, len(part), content_type, **{"Content-Range": f"bytes {start}-{end}/{len(body)}"})
    if request.command != "HEAD":
        request.wfile.write(part)


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _html_page(project: str, wheels: list[Path], folder: str) -> str:
    rows = "\n".join(
        f'<a href="{folder}/{quote(wheel.name)}#sha256={_sha256(wheel)}">{html.escape(wheel.name)}</a><br/>'
        for wheel in wheels
    )
    return (
        f'<!DOCTYPE html><html><head><meta name="pypi:repository-version" content="1.0"/>'
        f"<title>Links for {project}</title></head><body>\n{rows}\n</body></html>"
    )


def _metadata_of(wheel: Path) -> bytes:
    with zipfile.ZipFile(wheel) as archive:
        return archive.read(next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA")))


def _json_page(project: str, wheels: list[Path], folder: str, *, with_metadata: bool = False) -> str:
    files = [
        {
            "filename": wheel.name,
            "url": f"{folder}/{quote(wheel.name)}",
            "hashes": {"sha256": _sha256(wheel)},
            "size": wheel.stat().st_size,
            "yanked": False,
            **({"core-metadata": {"sha256": hashlib.sha256(_metadata_of(wheel)).hexdigest()}} if with_metadata else {}),
        }
        for wheel in wheels
    ]
    return json.dumps({"meta": {"api-version": "1.1"}, "name": project, "versions": [], "files": files})
