"""One file against a real server that misbehaves in every way that servers do."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import TYPE_CHECKING

import pytest

from ipexenv.fetch.part_state import read_state
from tests import scripted_server as scripted
from tests.scripted_server import ServedFile
from tests.unit.fetch.conftest import BODY, QUICK

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.scripted_server import Act
    from tests.servers import Site
    from tests.unit.fetch.conftest import Fetching

SHA256 = hashlib.sha256(BODY).hexdigest()


def whole(fetch: Fetching) -> bool:
    return (fetch.into / scripted.NAME).read_bytes() == BODY


@pytest.mark.parametrize("sized", [True, False])
@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("ranges", [True, False])
def test_a_file_arrives(site: Site, fetch: Fetching, *, sized: bool, known: bool, ranges: bool) -> None:
    file = ServedFile(site, BODY, ranges=ranges)
    (fetched,) = fetch(file.offer(sized=sized, known=known))
    assert (fetched.sha256, fetched.size_bytes, fetched.from_cache) == (SHA256, len(BODY), False)
    assert whole(fetch)


def test_a_large_file_comes_in_pieces_each_once(site: Site, fetch: Fetching) -> None:
    file = ServedFile(site, BODY)
    fetch(file.offer())
    assert file.asked[0] == "bytes=0-9999"
    assert sorted(file.asked) == sorted(f"bytes={start}-{start + 9999}" for start in range(0, 50_000, 10_000))
    assert file.sent_bytes == len(BODY)


def test_a_small_file_is_asked_for_whole(site: Site, fetch: Fetching) -> None:
    file = ServedFile(site, BODY[:5000])
    fetch(file.offer(sized=True))
    assert file.asked == [""]


def test_a_file_without_a_known_hash_comes_in_one_stream(site: Site, fetch: Fetching) -> None:
    file = ServedFile(site, BODY)
    fetch(file.offer(known=False))
    assert file.asked == [""]


def test_an_empty_file(site: Site, fetch: Fetching) -> None:
    fetch(ServedFile(site, b"").offer(sized=True))
    assert (fetch.into / scripted.NAME).read_bytes() == b""


@pytest.mark.parametrize(
    "act", [scripted.cut(4000), scripted.cut(0), scripted.noise, scripted.status(500), scripted.status(503)]
)
@pytest.mark.parametrize("known", [True, False])
def test_what_fails_once_is_tried_again(site: Site, fetch: Fetching, *, act: Act, known: bool) -> None:
    fetch(ServedFile(site, BODY, acts=[act]).offer(known=known))
    assert whole(fetch)
    assert len(fetch.pauses) == 1


def test_after_a_cut_only_the_rest_is_asked_for(site: Site, fetch: Fetching) -> None:
    file = ServedFile(site, BODY[:15_000], acts=[scripted.cut(4000)])
    fetch(file.offer(sized=True))
    assert file.asked == ["", "bytes=4000-14999"]


def test_without_a_known_hash_the_server_must_vouch_for_the_rest(site: Site, fetch: Fetching) -> None:
    file = ServedFile(site, BODY, acts=[scripted.cut(4000)])
    fetch(file.offer(known=False))
    assert file.asked == ["", "bytes=4000-49999"]
    file = ServedFile(site, BODY, name="other-1.0-py3-none-any.whl", acts=[scripted.cut(4000)], etag=None)
    fetch(file.offer(known=False))
    assert file.asked[-1] == ""
    assert (fetch.into / file.name).read_bytes() == BODY


@pytest.mark.parametrize("act", [scripted.stall(3000), scripted.silent, scripted.drip])
def test_a_server_that_falls_silent_is_asked_again(site: Site, fetch: Fetching, act: Act) -> None:
    fetch.limits = dataclasses.replace(QUICK, stall_s=0.3, attempts=50)  # a busy machine is silent, too
    fetch(ServedFile(site, BODY, acts=[act]).offer())
    assert whole(fetch)


def test_a_server_that_stays_silent_is_given_up(site: Site, fetch: Fetching) -> None:
    fetch.limits = dataclasses.replace(QUICK, stall_s=0.2)
    error = fetch.refusal(ServedFile(site, BODY, acts=[scripted.stall(0)] * 9).offer())
    assert error.code == "stalled"


def test_a_server_that_cuts_for_ever_is_given_up_and_the_next_run_goes_on(site: Site, fetch: Fetching) -> None:
    file = ServedFile(site, BODY[:15_000], acts=[scripted.cut(2000)] * 3)
    error = fetch.refusal(file.offer(sized=True))
    assert error.code == "cut-off"
    assert "what has come so far is kept" in (error.hint or "")
    fetch(file.offer(sized=True))
    assert file.asked[-1] == "bytes=6000-14999"
    assert (fetch.into / file.name).read_bytes() == BODY[:15_000]


def test_pieces_of_an_earlier_run_are_not_asked_for_again(site: Site, fetch: Fetching) -> None:
    file = ServedFile(
        site, BODY, acts=[scripted.ServedFile.serve, scripted.ServedFile.serve, *[scripted.status(403)] * 9]
    )
    fetch.limits = dataclasses.replace(QUICK, connections=1)
    assert fetch.refusal(file.offer()).code == "forbidden"
    state = read_state(fetch.cache.partial / f"{SHA256}.part")
    assert state is not None
    assert state.done == (10_000, 10_000, 0, 0, 0)
    file.acts.clear()
    file.asked.clear()
    fetch(file.offer())
    assert whole(fetch)
    assert sorted(file.asked) == ["bytes=20000-29999", "bytes=30000-39999", "bytes=40000-49999"]


def test_a_changed_file_is_not_mixed_with_what_was_there(site: Site, fetch: Fetching) -> None:
    fetch.limits = dataclasses.replace(QUICK, connections=1)
    old = ServedFile(site, b"x" * 15_000, acts=[scripted.cut(2000)] * 3, etag='"old"')
    fetch.refusal(dataclasses.replace(old.offer(), sha256=SHA256))
    new = ServedFile(site, BODY, etag='"new"')
    fetch(new.offer())
    assert whole(fetch)
    assert any("starting over" in text for text in fetch.details)


def test_a_changed_file_that_the_server_does_not_tell_apart_is_found_by_its_hash(site: Site, fetch: Fetching) -> None:
    fetch.limits = dataclasses.replace(QUICK, connections=1)
    old = ServedFile(site, b"x" * len(BODY), acts=[scripted.cut(2000)] * 3, etag=None)
    fetch.refusal(dataclasses.replace(old.offer(), sha256=SHA256))
    fetch(ServedFile(site, BODY, etag=None).offer())
    assert whole(fetch)
    assert fetch.steps == [f"{scripted.NAME}: what was left of it is damaged; starting over"]


def test_a_file_that_changes_in_the_middle_is_not_mixed(site: Site, fetch: Fetching) -> None:
    file = ServedFile(site, b"x" * len(BODY))

    def change(served: ServedFile, request: object) -> None:
        scripted.cut(4000)(served, request)  # type: ignore[arg-type]  # passed on
        served.body, served.etag = BODY, '"two"'

    file.acts = [change]
    fetch(file.offer(known=False))
    assert whole(fetch)


def test_a_file_that_changes_all_the_time_is_given_up(site: Site, fetch: Fetching) -> None:
    file = ServedFile(site, BODY, etag=None, acts=[scripted.cut(4000)] * 99)
    assert fetch.refusal(file.offer(known=False)).code in {"changed", "cut-off"}


def test_a_damaged_state_is_no_obstacle(site: Site, fetch: Fetching) -> None:
    file = ServedFile(site, BODY)
    partial = fetch.cache.partial
    partial.mkdir(parents=True)
    for text in ("", "[]", '{"format": 1}', '{"format": 1, "sizes": [-1], "done": [0]}', "[" * 100_000, '"\\ud800"'):
        (partial / f"{SHA256}.part").write_bytes(b"left over" * 10_000)
        (partial / f"{SHA256}.json").write_text(text, encoding="utf-8")
        fetch.cache.drop(SHA256)
        fetch(file.offer())
        assert whole(fetch)


def test_a_file_of_unknown_length_arrives(site: Site, fetch: Fetching) -> None:
    for known in (True, False):
        fetch(ServedFile(site, BODY, acts=[scripted.chunked]).offer(known=known), cache=None)
        assert whole(fetch)


def test_a_file_of_unknown_length_that_breaks_off_is_not_taken_for_whole(site: Site, fetch: Fetching) -> None:
    fetch(ServedFile(site, BODY, acts=[scripted.chunked_and_cut, scripted.chunked]).offer(known=False))
    assert whole(fetch)


@pytest.mark.parametrize(
    ("act", "code", "words"),
    [
        (scripted.status(401), "forbidden", "HTTP 401 Unauthorized"),
        (scripted.status(403), "forbidden", "HTTP 403 Forbidden"),
        (scripted.status(404), "not-found", "HTTP 404 Not Found"),
        (scripted.status(410), "not-found", "HTTP 410 Gone"),
        (scripted.status(418), "server-failed", "HTTP 418"),
        (scripted.status(204), "server-failed", "HTTP 204 No Content"),
        (scripted.garbage, "not-a-file", "answers with a web page (text/html), not with the file"),
        (scripted.wrong_range, "bad-range", "answers with another part of the file than was asked for"),
        (scripted.status(302), "bad-redirect", "it redirects to something that is not HTTP"),
        (scripted.status(302, Location="ftp://127.0.0.1/x"), "bad-redirect", "redirects to something that is not HTTP"),
        (scripted.status(302, Location="http://example.invalid/x"), "insecure", "is not protected by TLS"),
    ],
)
def test_what_no_second_attempt_would_cure_is_named_at_once(
    site: Site, fetch: Fetching, act: Act, code: str, words: str
) -> None:
    file = ServedFile(site, BODY, acts=[act] * 9)
    error = fetch.refusal(file.offer())
    assert error.message == f"{scripted.NAME} cannot be had from here"
    assert error.code == code
    assert words in error.causes[0]
    assert (fetch.pauses, len(file.asked)) == ([], 1)


@pytest.mark.parametrize(("status", "code"), [(429, "busy"), (500, "server-failed"), (503, "server-failed")])
def test_a_server_that_stays_busy_is_given_up(site: Site, fetch: Fetching, status: int, code: str) -> None:
    assert fetch.refusal(ServedFile(site, BODY, acts=[scripted.status(status)] * 9).offer()).code == code
    assert len(fetch.pauses) == QUICK.attempts - 1


def test_retry_after_is_honoured(site: Site, fetch: Fetching) -> None:
    act = scripted.status(429, Retry_After="3")
    fetch(ServedFile(site, BODY, acts=[act]).offer())
    assert fetch.pauses == [3.0]
    assert any("trying again in 3.0 s" in text for text in fetch.details)


def test_a_server_that_asks_for_too_much_patience_is_given_up(site: Site, fetch: Fetching) -> None:
    error = fetch.refusal(ServedFile(site, BODY, acts=[scripted.status(429, Retry_After="3600")]).offer())
    assert (error.code, error.causes) == ("busy", ("HTTP 429 Too Many Requests, and it asks to wait 3600 s",))
    assert fetch.pauses == []


def test_delays_grow(site: Site, fetch: Fetching) -> None:
    fetch.limits = dataclasses.replace(QUICK, attempts=5, first_delay_s=1.0, longest_delay_s=5.0)
    fetch.refusal(ServedFile(site, BODY, acts=[scripted.status(500)] * 9).offer())
    assert fetch.pauses == sorted(fetch.pauses)
    assert (round(fetch.pauses[0]), fetch.pauses[-1]) == (1, 5.0)


@pytest.mark.parametrize("sized", [True, False])
def test_wrong_bytes_are_refused_and_not_kept(site: Site, fetch: Fetching, *, sized: bool) -> None:
    file = ServedFile(site, BODY)
    wrong = "0" * 64
    error = fetch.refusal(dataclasses.replace(file.offer(sized=sized), sha256=wrong))
    assert error.code == "hash-mismatch"
    assert error.causes == (f"its SHA-256 is {SHA256}, and {wrong} was expected",)
    assert fetch.cache.contents().partial_files == fetch.cache.contents().files == 0


@pytest.mark.parametrize("announced", [49_999, 50_001])
@pytest.mark.parametrize("known", [True, False])
def test_another_length_than_the_page_says_is_refused(
    site: Site, fetch: Fetching, *, announced: int, known: bool
) -> None:
    file = ServedFile(site, BODY)
    error = fetch.refusal(dataclasses.replace(file.offer(known=known), size_bytes=announced))
    assert (error.code, error.causes) == ("wrong-length", (f"has 50000 bytes, and its page says {announced}",))


def test_a_file_that_is_longer_than_it_told_is_refused(site: Site, fetch: Fetching) -> None:
    file = ServedFile(site, BODY, acts=[scripted.chunked])
    assert fetch.refusal(dataclasses.replace(file.offer(known=False), size_bytes=20_000)).code == "too-large"


def test_no_file_is_larger_than_the_limit(site: Site, fetch: Fetching) -> None:
    fetch.limits = dataclasses.replace(QUICK, max_bytes=20_000)
    assert fetch.refusal(ServedFile(site, BODY).offer()).code == "too-large"
    assert fetch.refusal(ServedFile(site, BODY, acts=[scripted.chunked]).offer()).code == "too-large"


def test_a_resume_beyond_the_end_starts_over(site: Site, fetch: Fetching) -> None:
    fetch(ServedFile(site, BODY[:15_000], acts=[scripted.cut(4000), scripted.status(416)]).offer(sized=True))
    assert (fetch.into / scripted.NAME).read_bytes() == BODY[:15_000]


def after_a_serving(then: Act) -> Callable[[Site], ServedFile]:
    return lambda site: ServedFile(site, BODY, acts=[ServedFile.serve, then])


def test_a_server_that_forgets_ranges_in_the_middle(site: Site, fetch: Fetching) -> None:
    def forget(served: ServedFile, request: object) -> None:
        served.ranges = False
        served.serve(request)  # type: ignore[arg-type]  # passed on

    fetch(after_a_serving(forget)(site).offer())
    assert whole(fetch)
