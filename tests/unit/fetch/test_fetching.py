"""Many files: from several sources, folders and the cache, under the rules of the house."""

from __future__ import annotations

import dataclasses
import hashlib
import threading
from typing import TYPE_CHECKING

import pytest

from ipexenv.errors import OutsideError
from ipexenv.fetch.cache import Cache
from ipexenv.fetch.limits import Limits
from ipexenv.system.access import Access
from ipexenv.system.transfer import Credentials
from tests import scripted_server as scripted
from tests.scripted_server import ServedFile
from tests.servers import AUTHORITY, closed_port, serving
from tests.unit.fetch.conftest import BODY, QUICK

if TYPE_CHECKING:
    from pathlib import Path

    from ipexenv.events import Event
    from ipexenv.fetch.job import Fetched
    from tests.servers import Site
    from tests.unit.fetch.conftest import Fetching

SHA256 = hashlib.sha256(BODY).hexdigest()


def several(site: Site, count: int = 6) -> list[ServedFile]:
    return [ServedFile(site, BODY[: 7000 * (n + 1)], name=f"demo{n}-1.0-py3-none-any.whl") for n in range(count)]


def test_many_files_come_in_the_order_they_were_asked_for(site: Site, fetch: Fetching) -> None:
    files = several(site)
    fetched = fetch(*(file.offer(sized=n % 2 == 0) for n, file in enumerate(files)))
    assert [one.path.name for one in fetched] == [file.name for file in files]
    assert [one.path.read_bytes() for one in fetched] == [file.body for file in files]


def test_whoever_asked_is_told_of_each_file_and_may_move_it(site: Site, fetch: Fetching) -> None:
    files = several(site)
    told = []

    def arrived(file: Fetched) -> None:
        told.append((file.path.name, file.path.read_bytes(), threading.current_thread()))
        file.path.rename(fetch.folder / file.path.name)

    fetched = fetch(*(file.offer() for file in files), arrived=arrived)
    assert sorted(one.path.name for one in fetched) == sorted(name for name, _, _ in told)
    assert {(name, body) for name, body, _ in told} == {(file.name, file.body) for file in files}
    assert {thread for _, _, thread in told} == {threading.current_thread()}


def test_what_is_wrong_with_a_file_ends_the_others(site: Site, fetch: Fetching) -> None:
    files = several(site)
    files[1].acts = [scripted.stall(5000)] * 9

    def arrived(_file: Fetched) -> None:
        raise OutsideError("it is not what it says", code="bad-wheel")

    with pytest.raises(OutsideError, match="not what it says"):
        fetch(*(file.offer() for file in files), arrived=arrived, limits=Limits(stall_s=30.0))


def test_nothing_to_fetch(fetch: Fetching) -> None:
    assert fetch() == ()


def test_the_first_failure_ends_the_others_at_once(site: Site, fetch: Fetching) -> None:
    files = several(site)
    files[2].acts = [scripted.status(403)] * 9
    for file in files[3:]:
        file.acts = [scripted.stall(5000)] * 9
    with pytest.raises(OutsideError) as caught:
        fetch(*(file.offer() for file in files), limits=Limits(stall_s=30.0, connections=8))
    assert (caught.value.code, caught.value.message) == ("forbidden", f"{files[2].name} cannot be had from here")
    assert [thread for thread in threading.enumerate() if thread.name == "ipexenv-download"] == []
    for file in files:
        file.acts = []
    fetch(*(file.offer() for file in files))
    assert {path.name for path in fetch.into.iterdir()} == {file.name for file in files}


def test_what_the_cache_has_is_not_downloaded(site: Site, fetch: Fetching) -> None:
    file = ServedFile(site, BODY)
    fetch(file.offer())
    asked = len(file.asked)
    (again,) = fetch(file.offer(), into=fetch.folder / "elsewhere")
    assert (again.from_cache, len(file.asked)) == (True, asked)
    assert again.path.read_bytes() == BODY
    assert again.path.samefile(fetch.cache.file(SHA256))


def test_a_damaged_file_in_the_cache_is_replaced(site: Site, fetch: Fetching) -> None:
    file = ServedFile(site, BODY)
    fetch(file.offer())
    cached = fetch.cache.file(SHA256)
    cached.chmod(0o644)
    cached.write_bytes(b"rotten")
    (again,) = fetch(file.offer())
    assert (again.from_cache, again.path.read_bytes()) == (False, BODY)
    assert fetch.steps == [f"{file.name} was damaged in the cache, and is downloaded again"]


def test_without_a_cache_nothing_but_the_files_is_left(site: Site, fetch: Fetching) -> None:
    fetch(ServedFile(site, BODY).offer(), cache=None)
    assert [path.name for path in fetch.into.iterdir()] == [scripted.NAME]
    assert not fetch.cache.folder.exists()


def test_a_cache_that_cannot_be_made_is_done_without(site: Site, fetch: Fetching) -> None:
    fetch.folder.joinpath("cache").write_text("a file is in the way", encoding="utf-8")
    fetch(ServedFile(site, BODY).offer())
    assert (fetch.into / scripted.NAME).read_bytes() == BODY
    assert fetch.steps[0].startswith("the cache cannot be written")


def test_the_next_source_of_the_same_bytes_is_tried(site: Site, fetch: Fetching) -> None:
    file = ServedFile(site, BODY, acts=[scripted.status(403)])
    with serving() as other:
        mirror = ServedFile(other, BODY)
        (fetched,) = fetch(file.offer(), alternatives=[file.offer(), mirror.offer(source="mirror")])
    assert fetched.offer.source == "mirror"
    assert fetch.steps == [f"{file.name}: here: HTTP 403 Forbidden; taking it from mirror"]


def test_the_next_source_brings_only_what_is_missing(site: Site, fetch: Fetching) -> None:
    fetch.limits = dataclasses.replace(QUICK, connections=1)
    file = ServedFile(site, BODY, acts=[ServedFile.serve, ServedFile.serve, scripted.status(404)])
    with serving() as other:
        mirror = ServedFile(other, BODY, etag='"of the mirror"')
        fetch(file.offer(), alternatives=[mirror.offer(source="mirror")])
    assert (fetch.into / file.name).read_bytes() == BODY
    assert mirror.sent_bytes == 30_000


def test_a_source_with_wrong_bytes_is_passed_over(site: Site, fetch: Fetching) -> None:
    liar = dataclasses.replace(ServedFile(site, b"x" * len(BODY)).offer(), sha256=SHA256)
    with serving() as other:
        mirror = ServedFile(other, BODY)
        fetch(liar, alternatives=[mirror.offer(source="mirror")])
    assert (fetch.into / scripted.NAME).read_bytes() == BODY
    assert "was expected; taking it from mirror" in fetch.steps[0]


def test_when_every_source_fails_each_is_named(site: Site, fetch: Fetching) -> None:
    file = ServedFile(site, BODY, acts=[scripted.status(403)])
    gone = dataclasses.replace(file.offer(source="gone"), url=f"{closed_port()}/{file.name}")
    error = fetch.refusal(file.offer(), alternatives=[gone])
    assert error.message == f"{file.name} cannot be had from any source"
    assert error.causes == ("here: HTTP 403 Forbidden", "gone: connection refused")


def test_what_only_has_the_same_name_is_no_alternative(site: Site, fetch: Fetching) -> None:
    file = ServedFile(site, BODY, acts=[scripted.status(403)] * 9)
    with serving() as other:
        stranger = ServedFile(other, b"something else")
        fetch.refusal(file.offer(), alternatives=[stranger.offer(source="stranger")])
        fetch.refusal(file.offer(known=False), alternatives=[stranger.offer(source="stranger", known=False)])
        assert stranger.asked == []


def test_a_file_in_a_folder_is_copied(fetch: Fetching, tmp_path: Path, site: Site) -> None:
    source = tmp_path / "wheel house" / scripted.NAME
    source.parent.mkdir()
    source.write_bytes(BODY)
    offer = dataclasses.replace(ServedFile(site, BODY).offer(), url=source.as_uri())
    (fetched,) = fetch(offer)
    assert fetched.path.read_bytes() == BODY
    assert not fetched.path.samefile(source)
    error = fetch.refusal(dataclasses.replace(offer, sha256="0" * 64), into=tmp_path / "again")
    assert error.code == "hash-mismatch"
    assert not (tmp_path / "again" / scripted.NAME).exists()
    source.unlink()
    fetch.cache.drop(SHA256)
    assert fetch.refusal(offer, into=tmp_path / "more").code == "not-found"


def test_require_known_takes_nothing_without_a_hash(site: Site, fetch: Fetching) -> None:
    file = ServedFile(site, BODY)
    error = fetch.refusal(file.offer(known=False), require_known=True)
    assert (error.code, file.asked) == ("no-known-hash", [])
    fetch(file.offer(), require_known=True)


@pytest.mark.parametrize(
    "name", ["../x-1.0-py3-none-any.whl", "x-1.0-py3-none-any.whl/..", "x.zip", "", "a\0-1-py3-none-any.whl"]
)
def test_names_that_are_none_of_wheels_are_refused(site: Site, fetch: Fetching, name: str) -> None:
    offer = dataclasses.replace(ServedFile(site, BODY).offer(), filename=name)
    assert fetch.refusal(offer).code == "bad-wheel-name"


def test_two_different_files_of_one_name_are_refused(site: Site, fetch: Fetching) -> None:
    offer = ServedFile(site, BODY).offer()
    assert fetch.refusal(offer, dataclasses.replace(offer, sha256="0" * 64)).code == "two-files-one-name"
    assert len(fetch(offer, offer)) == 2


def test_redirects_are_followed_and_other_hosts_are_shown_once(site: Site, fetch: Fetching) -> None:
    with serving() as other:
        file = ServedFile(other, BODY)
        site.redirect("/here", "/there")
        site.redirect("/there", f"{other.url}/{file.name}?signature=hunter2")
        fetch(dataclasses.replace(file.offer(), url=f"{site.url}/here"))
    assert fetch.steps == [f"{site.url} redirects to {other.url}"]


def test_a_circle_of_redirects_ends(site: Site, fetch: Fetching) -> None:
    site.redirect("/a", "/b")
    site.redirect("/b", "/a")
    error = fetch.refusal(dataclasses.replace(ServedFile(site, BODY).offer(), url=f"{site.url}/a"))
    assert (error.code, error.causes) == ("redirect-loop", ("more than 5 redirects",))


def test_https_is_not_left(fetch: Fetching, site: Site) -> None:
    file = ServedFile(site, BODY)
    with serving(tls=True) as safe:
        safe.redirect("/x", f"{site.url}/{file.name}")
        offer = dataclasses.replace(file.offer(), url=f"{safe.url}/x")
        error = fetch.refusal(offer, access_for=lambda url: Access(verify=str(AUTHORITY)))
        assert error.code == "insecure"
        assert "from https to http://127.0.0.1" in error.causes[0]
        assert file.asked == []
        fetch(offer, access_for=lambda url: Access(verify=str(AUTHORITY)), allow_insecure=["127.0.0.1"])


def test_plain_http_needs_a_word_of_the_user(fetch: Fetching, site: Site) -> None:
    offer = dataclasses.replace(ServedFile(site, BODY).offer(), url="http://user:hunter2@example.invalid/x")
    error = fetch.refusal(offer)
    assert (error.code, error.causes) == ("insecure", ("http://example.invalid is not protected by TLS",))
    assert "--allow-insecure" in (error.hint or "")
    assert fetch.refusal(offer, allow_insecure=["Example.invalid"]).code == "unreachable"


def test_an_unknown_certificate_is_refused(fetch: Fetching) -> None:
    with serving(tls=True) as safe:
        error = fetch.refusal(ServedFile(safe, BODY).offer())
    assert (error.code, error.causes) == ("tls", ("TLS: the certificate is not trusted",))
    assert fetch.pauses == []


def test_each_host_is_asked_with_its_own_access(fetch: Fetching, site: Site) -> None:
    with serving(tls=True) as safe:
        file = ServedFile(safe, BODY)
        site.redirect("/x", f"{safe.url}/{file.name}")
        seen: list[str] = []

        def access_for(url: str) -> Access:
            seen.append(url.rpartition("/")[0])
            return Access(verify=str(AUTHORITY) if url.startswith("https") else True)

        fetch(dataclasses.replace(file.offer(), url=f"{site.url}/x"), access_for=access_for)
    assert set(seen) == {site.url, safe.url}


def test_credentials_go_to_their_host_and_into_no_text(fetch: Fetching, site: Site) -> None:
    with serving() as other:
        file = ServedFile(other, BODY[:5000])
        address = site.url.replace("http://", "http://user:hunter2@")
        site.redirect("/x", "/y")
        site.redirect("/y", f"{other.url}/{file.name}")
        fetch(dataclasses.replace(file.offer(sized=True), url=f"{address}/x"))
        assert set(site.authorizations) == {"Basic dXNlcjpodW50ZXIy"}
        assert set(other.authorizations) == {""}
    error = fetch.refusal(dataclasses.replace(file.offer(), url=f"{address}/nothing", sha256="0" * 64))
    told = " ".join([*fetch.steps, *fetch.details, error.message, *error.causes, error.hint or ""])
    assert "hunter2" not in told


def test_credentials_can_be_given_for_a_host(fetch: Fetching, site: Site) -> None:
    person = Credentials(user="jürgen", password="hunter2")
    fetch(ServedFile(site, BODY).offer(), credentials_for=lambda url: person if url.startswith(site.url) else None)
    assert set(site.authorizations) == {"Basic asO8cmdlbjpodW50ZXIy"}
    assert "hunter2" not in repr(person)


def test_progress_counts_bytes(site: Site, fetch: Fetching) -> None:
    fetch(ServedFile(site, BODY).offer(sized=True))
    told = [event.text for event in fetch.said if event.kind == "output"]
    assert told
    assert all(text.endswith(" of 50000") for text in told)


def test_ctrl_c_keeps_what_came(site: Site, fetch: Fetching) -> None:
    file = ServedFile(site, BODY, acts=[ServedFile.serve, *[scripted.stall(2000)] * 9])

    def interrupt(event: Event) -> None:
        if event.kind == "output" and not event.text.startswith("Progress 0 "):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(file.offer(sized=True), listen=interrupt, limits=dataclasses.replace(QUICK, stall_s=30.0))
    assert fetch.cache.contents().partial_bytes > 0
    file.acts.clear()
    file.sent_bytes = 0
    fetch(file.offer(sized=True))
    assert file.sent_bytes < len(BODY)
    assert (fetch.into / file.name).read_bytes() == BODY


def test_a_bug_in_a_thread_is_raised_where_it_is_seen(site: Site, fetch: Fetching) -> None:
    def broken(_url: str) -> Access:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fetch(ServedFile(site, BODY).offer(), access_for=broken)


def test_a_folder_stands_in_for_a_source_and_the_other_way_round(site: Site, fetch: Fetching, tmp_path: Path) -> None:
    source = tmp_path / scripted.NAME
    source.write_bytes(BODY)
    file = ServedFile(site, BODY, acts=[scripted.status(404)])
    local = dataclasses.replace(file.offer(source="folder"), url=source.as_uri())
    (fetched,) = fetch(file.offer(), alternatives=[local], cache=None)
    assert fetched.offer.source == "folder"
    source.write_bytes(b"something else")
    (fetched,) = fetch(local, alternatives=[file.offer()], cache=None)
    assert (fetched.offer.source, fetched.path.read_bytes()) == ("here", BODY)


def test_a_cache_that_loses_a_file_meanwhile_is_no_obstacle(
    site: Site, fetch: Fetching, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = ServedFile(site, BODY)
    fetch(file.offer())
    fetch.cache.drop(SHA256)
    looks = iter([True, True])  # as if another process cleared it just after the looks
    monkeypatch.setattr(Cache, "has", lambda self, sha256: next(looks, False))
    (fetched,) = fetch(file.offer())
    assert (fetched.from_cache, fetched.path.read_bytes()) == (False, BODY)
