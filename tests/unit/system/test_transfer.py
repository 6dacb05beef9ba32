"""Streams against real servers; what downloads make of them is tested with ``ipexenv.fetch``."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from ipexenv.system.access import Access, UnreachableError
from ipexenv.system.transfer import CutOffError, Head, RequestsTransfer, Span, StalledError
from tests import scripted_server as scripted
from tests.scripted_server import ServedFile
from tests.servers import closed_port, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from http.server import BaseHTTPRequestHandler
    from pathlib import Path

    from tests.servers import Site

BODY = bytes(range(256)) * 40


@pytest.fixture(autouse=True)
def usual_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "HTTP_PROXY", "http_proxy", "NETRC"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def site() -> Iterator[Site]:
    with serving() as site:
        yield site


@pytest.fixture
def transfer() -> Iterator[RequestsTransfer]:
    transfer = RequestsTransfer()
    yield transfer
    transfer.close()


def get(transfer: RequestsTransfer, url: str, **more: object) -> tuple[Head, bytes]:
    with transfer.open(url, **{"stall_s": 60.0, **more}) as answer:  # type: ignore[arg-type]  # options of open
        return answer.head, b"".join(answer.chunks())


def test_a_whole_file(site: Site, transfer: RequestsTransfer) -> None:
    file = ServedFile(site, BODY)
    head, body = get(transfer, f"{site.url}/{file.name}")
    assert (head.status, head.length_bytes, head.span, head.validator) == (200, len(BODY), None, '"one"')
    assert body == BODY


def test_a_part_of_it(site: Site, transfer: RequestsTransfer) -> None:
    file = ServedFile(site, BODY)
    head, body = get(transfer, f"{site.url}/{file.name}", wanted=(10, 19), validator='"one"')
    assert (head.status, head.span) == (206, Span(first=10, last=19, whole_bytes=len(BODY)))
    assert body == BODY[10:20]
    head, body = get(transfer, f"{site.url}/{file.name}", wanted=(10, None), validator='"other"')
    assert (head.status, body) == (200, BODY)


def test_connections_are_used_again(site: Site, transfer: RequestsTransfer) -> None:
    ports: set[int] = set()

    def note(file: ServedFile, request: BaseHTTPRequestHandler) -> None:
        ports.add(request.client_address[1])
        file.serve(request)

    file = ServedFile(site, BODY, acts=[note] * 3)
    for _ in range(3):
        get(transfer, f"{site.url}/{file.name}")
    assert len(ports) == 1
    transfer.close()
    file.acts = [note]
    get(transfer, f"{site.url}/{file.name}")
    assert len(ports) == 2


def test_errors_and_redirects_are_answers(site: Site, transfer: RequestsTransfer) -> None:
    acts = [
        scripted.status(403),
        scripted.status(429, Retry_After="7"),
        scripted.status(302, Location="/h%C3%A9re#part"),
        scripted.status(302, Location="http://[::1/"),
    ]
    url = f"{site.url}/{ServedFile(site, BODY, acts=acts).name}"
    assert get(transfer, url)[0].words == "HTTP 403 Forbidden"
    assert get(transfer, url)[0].retry_after == "7"
    assert get(transfer, url)[0].location == f"{site.url}/h%C3%A9re"
    assert get(transfer, url)[0].location == ""


def test_what_ends_too_early(site: Site, transfer: RequestsTransfer) -> None:
    url = f"{site.url}/{ServedFile(site, BODY, acts=[scripted.cut(100), scripted.chunked_and_cut]).name}"
    for _ in range(2):
        with pytest.raises(CutOffError):
            get(transfer, url)


@pytest.mark.parametrize("act", [scripted.silent, scripted.stall(100), scripted.drip])
def test_what_stalls(site: Site, transfer: RequestsTransfer, act: scripted.Act) -> None:
    with pytest.raises(StalledError):
        get(transfer, f"{site.url}/{ServedFile(site, BODY, acts=[act]).name}", stall_s=0.3)


def test_abort_wakes_whoever_waits(site: Site, transfer: RequestsTransfer) -> None:
    file = ServedFile(site, BODY, acts=[scripted.stall(100)])
    came: list[bytes] = []
    with transfer.open(f"{site.url}/{file.name}", stall_s=600.0) as answer:
        threading.Timer(0.05, transfer.abort).start()
        with pytest.raises(UnreachableError):
            came.extend(answer.chunks())
    assert came in ([], [BODY[:100]])


def test_what_comes_after_an_abort_is_not_taken(site: Site, transfer: RequestsTransfer) -> None:
    """With TLS it would be taken as it was sent, still encrypted: what broke off would go on with noise in it."""
    with serving(tls=True) as safe:
        for served in (site, safe):
            file = ServedFile(served, BODY)
            with transfer.open(f"{served.url}/{file.name}", access=Access(verify=False), stall_s=60.0) as answer:
                transfer.abort()
                with pytest.raises(CutOffError):
                    next(answer.chunks())


def test_what_came_before_the_end_is_not_lost(site: Site, transfer: RequestsTransfer) -> None:
    file = ServedFile(site, BODY, acts=[scripted.cut(100)])
    with transfer.open(f"{site.url}/{file.name}", stall_s=60.0) as answer:
        chunks = answer.chunks()
        assert next(chunks) == BODY[:100]
        with pytest.raises(CutOffError):
            next(chunks)


@pytest.mark.parametrize("error", [OSError, ValueError, RuntimeError, TypeError])
def test_an_abort_of_what_has_just_ended_is_none(
    site: Site, transfer: RequestsTransfer, error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def ended(_response: object) -> None:
        raise error

    monkeypatch.setattr("urllib3.response.HTTPResponse.shutdown", ended, raising=False)
    with transfer.open(f"{site.url}/{ServedFile(site, BODY).name}", stall_s=60.0):
        transfer.abort()


def test_nobody_there_and_no_secret_told(transfer: RequestsTransfer) -> None:
    with pytest.raises(UnreachableError) as caught:
        get(transfer, closed_port().replace("http://", "http://user:hunter2@"))
    assert str(caught.value) == "connection refused"


def test_certificates_are_checked(transfer: RequestsTransfer) -> None:
    with serving(tls=True) as safe:
        url = f"{safe.url}/{ServedFile(safe, BODY).name}"
        with pytest.raises(UnreachableError, match="TLS: the certificate is not trusted"):
            get(transfer, url)
        assert get(transfer, url, access=Access(verify=False))[1] == BODY


def test_the_body_of_a_redirect_is_not_read(site: Site, transfer: RequestsTransfer) -> None:
    def endless(file: ServedFile, request: BaseHTTPRequestHandler) -> None:
        request.send_response(302)
        request.send_header("Location", "/elsewhere")
        request.send_header("Content-Length", str(1 << 40))
        request.end_headers()
        file.site.closing.wait(60)
        request.close_connection = True

    url = f"{site.url}/{ServedFile(site, BODY, acts=[endless]).name}"
    with transfer.open(url, stall_s=60.0) as answer:
        assert answer.head.location == f"{site.url}/elsewhere"


def test_proxies_and_netrc_of_the_environment_count(
    site: Site, transfer: RequestsTransfer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine example.invalid login me password hunter2\n", encoding="utf-8")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    file = ServedFile(site, BODY)
    assert get(transfer, f"http://example.invalid/{file.name}", access=Access(proxy=site.url))[1] == BODY
    monkeypatch.setenv("http_proxy", site.url)
    assert get(transfer, f"http://example.invalid/{file.name}")[1] == BODY
    assert site.authorizations == ["Basic bWU6aHVudGVyMg=="] * 2
