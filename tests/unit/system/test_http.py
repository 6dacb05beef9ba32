from __future__ import annotations

import gzip
import io
from pathlib import Path
from typing import IO, TYPE_CHECKING

import pytest

from ipexenv.system.fetch import _words
from ipexenv.system.http import Access, NoRangesError, Page, Piece, RequestsHttp, UnreachableError
from tests.servers import AUTHORITY, BINARY, HTML, closed_port, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from http.server import BaseHTTPRequestHandler

    from tests.servers import Site

PATIENCE_S = 60.0
LATE = ("no complete answer within 0.2 s", "no answer in time")
"""The second where the server itself is starved by a busy machine."""


@pytest.fixture(autouse=True)
def usual_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR", "HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def site() -> Iterator[Site]:
    with serving() as site:
        yield site


def get(url: str, *, limit_s: float = PATIENCE_S, max_bytes: int = 1 << 20, access: Access | None = None) -> Page:
    return RequestsHttp().get(url, accept="text/html", limit_s=limit_s, max_bytes=max_bytes, access=access or Access())


def refusal(url: str, *, limit_s: float = PATIENCE_S, max_bytes: int = 1 << 20, access: Access | None = None) -> str:
    with pytest.raises(UnreachableError) as caught:
        get(url, limit_s=limit_s, max_bytes=max_bytes, access=access)
    return str(caught.value)


def test_a_page_comes_whole_with_its_type_and_address(site: Site) -> None:
    site.serve("/page", "hello")
    assert get(f"{site.url}/page") == Page(url=f"{site.url}/page", content_type=HTML, body=b"hello")


def test_redirects_are_followed_and_the_last_address_is_told(site: Site) -> None:
    site.redirect("/old", "/new")
    site.serve("/new", "here")
    assert get(f"{site.url}/old").url == f"{site.url}/new"


def test_a_circle_of_redirects_ends(site: Site) -> None:
    site.redirect("/a", "/b")
    site.redirect("/b", "/a")
    assert refusal(f"{site.url}/a") == "more than 5 redirects"


def test_a_redirect_out_of_http_is_not_followed(site: Site) -> None:
    site.redirect("/a", "file:///etc/hostname")
    assert refusal(f"{site.url}/a") == "redirected to something that is not HTTP"


@pytest.mark.parametrize(("status", "words"), [(403, "HTTP 403 Forbidden"), (404, "HTTP 404 Not Found")])
def test_an_error_of_the_server_keeps_its_status(site: Site, status: int, words: str) -> None:
    site.fail("/x", status)
    with pytest.raises(UnreachableError, match=words) as caught:
        get(f"{site.url}/x")
    assert caught.value.status == status


def test_a_page_that_breaks_off_is_refused(site: Site) -> None:
    site.cut_off("/x", b"0123456789", HTML)
    assert "cut off" in refusal(f"{site.url}/x")


def test_a_page_that_is_too_large_is_refused(site: Site) -> None:
    site.serve("/x", "x" * 2000)
    assert refusal(f"{site.url}/x", max_bytes=1000) == "the page is larger than 1000 bytes"


def test_a_compressed_page_counts_unpacked(site: Site) -> None:
    packed = gzip.compress(b"x" * 1_000_000)

    def handle(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Encoding", "gzip")
        request.send_header("Content-Length", str(len(packed)))
        request.end_headers()
        request.wfile.write(packed)

    site.paths["/x"] = handle
    assert len(get(f"{site.url}/x", max_bytes=2_000_000).body) == 1_000_000
    assert refusal(f"{site.url}/x", max_bytes=10_000) == "the page is larger than 10000 bytes"


def test_a_server_that_stalls_is_left_behind(site: Site) -> None:
    site.stall("/x")
    assert refusal(f"{site.url}/x", limit_s=0.2) in LATE


def test_a_server_that_drips_is_left_behind(site: Site) -> None:
    site.drip("/x", b"x" * 10_000, every_s=0.02)
    assert refusal(f"{site.url}/x", limit_s=0.2) in LATE


def test_nobody_listening() -> None:
    assert refusal(closed_port()) == "connection refused"


def test_credentials_are_sent_and_never_told(site: Site) -> None:
    site.serve("/x", "secret page")
    address = site.url.replace("http://", "http://user:hunter2@")
    get(f"{address}/x")
    assert site.authorizations == ["Basic dXNlcjpodW50ZXIy"]
    assert "hunter2" not in refusal(f"{address}/nothing")
    assert "hunter2" not in refusal(closed_port().replace("http://", "http://user:hunter2@"))


def test_credentials_of_netrc_are_sent(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password hunter2\n", encoding="utf-8")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    site.serve("/x", "secret page")
    get(f"{site.url}/x")
    assert site.authorizations == ["Basic bWU6aHVudGVyMg=="]


def test_an_unknown_certificate_is_refused_unless_told_otherwise() -> None:
    with serving(tls=True) as site:
        site.serve("/x", "hello")
        assert refusal(f"{site.url}/x") == "TLS: the certificate is not trusted"
        assert get(f"{site.url}/x", access=Access(verify=str(AUTHORITY))).body == b"hello"


def test_a_trusted_host_may_have_any_certificate() -> None:
    with serving(tls=True) as site:
        site.serve("/x", "hello")
        assert get(f"{site.url}/x", access=Access(verify=False)).body == b"hello"


def test_certificates_of_the_environment_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(AUTHORITY))
    with serving(tls=True) as site:
        site.serve("/x", "hello")
        assert get(f"{site.url}/x").body == b"hello"


def test_a_certificate_file_that_is_missing_is_named_as_the_cause() -> None:
    with serving(tls=True) as site:
        words = refusal(f"{site.url}/x", access=Access(verify="/nowhere.pem"))
    assert words == "TLS: the configured certificate file does not exist"


def test_the_proxy_is_asked(site: Site) -> None:
    site.serve("/x", "through the proxy")
    assert get("http://example.invalid/x", access=Access(proxy=site.url)).body == b"through the proxy"
    assert refusal(f"{site.url}/x", access=Access(proxy=closed_port())) == "the proxy does not let it through"


@pytest.mark.parametrize("url", ["http://", "http://[::1/", "ftp://127.0.0.1/x", "http://127.0.0.1:99999/"])
def test_what_is_no_address_is_refused(url: str) -> None:
    assert refusal(url)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("NameResolutionError: Failed to resolve 'x' ([Errno -2] Name or service not known)", "unknown host name"),
        ("certificate verify failed: self-signed certificate", "TLS: the certificate is self-signed"),
        ("certificate verify failed: certificate has expired", "TLS: the certificate has expired"),
        ("certificate verify failed: Hostname mismatch", "TLS: the certificate is for another host"),
        ("[SSL: CERTIFICATE_VERIFY_FAILED] unable to get local issuer", "TLS: the certificate is not trusted"),
        ("[SSL: WRONG_VERSION_NUMBER] wrong version number", "TLS: the server does not speak it on this port"),
        ("[Errno 101] Network is unreachable", "the network is unreachable"),
        ("something new http://user:hunter2@host", "OSError"),
    ],
)
def test_library_errors_become_words_without_addresses(text: str, words: str) -> None:
    assert _words(OSError(text)) == words


def get_range(url: str, start: int, size_bytes: int) -> Piece:
    return RequestsHttp().get_range(url, start=start, size_bytes=size_bytes, limit_s=PATIENCE_S)


def test_a_part_of_a_file_comes_alone(site: Site) -> None:
    site.serve("/x", b"0123456789", BINARY)
    assert get_range(f"{site.url}/x", 2, 3) == Piece(body=b"234", whole_bytes=10)
    assert site.ranges == ["bytes=2-4"]


def test_a_part_is_followed_through_redirects(site: Site) -> None:
    site.redirect("/old", "/new")
    site.serve("/new", b"0123456789", BINARY)
    assert get_range(f"{site.url}/old", 0, 2).body == b"01"
    assert site.ranges == ["bytes=0-1"] * 2


@pytest.mark.parametrize(
    ("status", "content_range", "body", "words"),
    [
        (206, "bytes 3-5/10", b"345", "another part"),
        (206, "bytes 2-5/10", b"2345", "another part"),
        (206, "items 2-4/10", b"234", "another part"),
        (206, "bytes 2-99999999999999999999/10", b"234", "another part"),
        (206, "", b"234", "another part"),
        (206, "bytes 2-4/10", b"23", "sends 2 bytes where 3 were asked for"),
        (206, "bytes 2-4/10", b"2345", "sends more than the 3 bytes"),
        (206, "bytes 2-4/10", b"x" * 100_000, "sends more than the 3 bytes"),
        (416, "bytes */2", b"", "serves no parts of files"),
        (501, "", b"", "serves no parts of files"),
    ],
)
def test_what_is_not_the_part_that_was_asked_for(
    site: Site, status: int, content_range: str, body: bytes, words: str
) -> None:
    site.serve_part("/x", lambda first, last: (status, content_range, body))
    with pytest.raises(NoRangesError, match=words):
        get_range(f"{site.url}/x", 2, 3)


def test_a_server_without_ranges_says_so_at_once(site: Site) -> None:
    site.serve_whole("/x", b"0123456789")
    with pytest.raises(NoRangesError, match="serves no parts of files"):
        get_range(f"{site.url}/x", 2, 3)


def test_a_refused_part_is_no_reason_to_ask_for_the_whole(site: Site) -> None:
    site.fail("/x", 403)
    with pytest.raises(UnreachableError, match="HTTP 403 Forbidden") as caught:
        get_range(f"{site.url}/x", 2, 3)
    assert not isinstance(caught.value, NoRangesError)


def test_the_size_of_the_whole_may_be_unknown(site: Site) -> None:
    site.serve_part("/x", lambda first, last: (206, f"bytes {first}-{last}/*", b"234"))
    assert get_range(f"{site.url}/x", 2, 3) == Piece(body=b"234", whole_bytes=None)


def save(url: str, file: IO[bytes], *, max_bytes: int = 1 << 20, limit_s: float = PATIENCE_S) -> None:
    RequestsHttp().save(url, file, limit_s=limit_s, max_bytes=max_bytes)


def test_a_file_is_saved_as_it_is(site: Site) -> None:
    content = bytes(range(256)) * 1000
    site.serve("/x", content, BINARY)
    file = io.BytesIO()
    save(f"{site.url}/x", file)
    assert file.getvalue() == content


def test_a_file_that_cannot_be_had_whole_is_no_file(site: Site) -> None:
    site.cut_off("/cut", b"0123456789")
    site.serve("/large", b"x" * 2000, BINARY)
    site.fail("/gone", 404)
    site.drip("/slow", b"x" * 1000, every_s=0.02)
    for path, words in (("cut", "cut off"), ("large", "the file is larger than 1000 bytes"), ("gone", "HTTP 404")):
        with pytest.raises(UnreachableError, match=words):
            save(f"{site.url}/{path}", io.BytesIO(), max_bytes=1000)
    with pytest.raises(UnreachableError, match="|".join(LATE)):
        save(f"{site.url}/slow", io.BytesIO(), limit_s=0.2)


def test_a_full_disk_is_named(site: Site) -> None:
    site.serve("/x", b"0123456789", BINARY)
    with (
        Path("/dev/full").open("wb", buffering=0) as full,
        pytest.raises(UnreachableError, match="no room is left on the disk"),
    ):
        save(f"{site.url}/x", full)
