from __future__ import annotations

import zipfile
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from ipexenv.bridge.taking import Line, take_files
from ipexenv.errors import OutsideError
from ipexenv.events import ignore
from ipexenv.system.http import USUAL_ACCESS, Access, RequestsHttp
from tests.servers import closed_port, serving
from tests.unit.bridge.parts import LIBRARY, LICENCE, Small, noise, sha256, small, write_zip

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from ipexenv.events import Event
    from ipexenv.outcome import Offer
    from tests.servers import Site

TAKEN = {"lib/libccl.so.1": LIBRARY, "licenses/oneccl/license.txt": LICENCE}


@pytest.fixture
def site() -> Iterator[Site]:
    with serving() as site:
        yield site


@pytest.fixture
def bridge(tmp_path: Path) -> Small:
    folder = tmp_path / "wheels"
    folder.mkdir()
    return small(folder)


@pytest.fixture
def scratch(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "scratch"
    folder.mkdir()
    yield folder
    assert list(folder.iterdir()) == []


def take(bridge: Small, offers: Sequence[Offer], scratch: Path, events: list[Event] | None = None) -> dict[str, bytes]:
    listen = ignore if events is None else events.append
    line = Line(http=RequestsHttp(), access=lambda _url: USUAL_ACCESS, scratch=scratch, listen=listen)
    return take_files(bridge.part, offers, line)


def refusal(bridge: Small, offers: Sequence[Offer], scratch: Path) -> OutsideError:
    with pytest.raises(OutsideError) as caught:
        take(bridge, offers, scratch)
    assert bridge.part.filename in caught.value.message
    assert "`pip download --no-deps oneccl-cpu==2022.2.0`" in (caught.value.hint or "")
    assert "--source DIR" in (caught.value.hint or "")
    return caught.value


def asked_bytes(site: Site) -> int:
    spans = [text.removeprefix("bytes=").split("-") for text in site.ranges]
    return sum(int(last) - int(first) + 1 for first, last in spans)


def test_little_more_than_the_files_is_asked_for(site: Site, bridge: Small, scratch: Path) -> None:
    site.files("/w", [bridge.wheel])
    offer = bridge.offer(f"{site.url}/w/{bridge.wheel.name}", sha256=bridge.part.sha256)
    assert take(bridge, [offer], scratch) == TAKEN
    assert len(site.ranges) == 3  # the end, with the directory; the library; the licence
    assert asked_bytes(site) < bridge.part.size_bytes / 10


def test_a_server_without_ranges_is_asked_for_the_whole(site: Site, bridge: Small, scratch: Path) -> None:
    site.serve_whole("/w.whl", bridge.wheel.read_bytes())
    events: list[Event] = []
    assert take(bridge, [bridge.offer(f"{site.url}/w.whl")], scratch, events) == TAKEN
    assert [bool(text) for text in site.ranges] == [True, False]
    assert any("serves no parts of files" in event.text for event in events)


@pytest.mark.parametrize("content_range", ["bytes 0-9/10", "", "bytes */*"])
def test_a_server_that_sends_another_part_is_asked_for_the_whole(
    site: Site, bridge: Small, scratch: Path, content_range: str
) -> None:
    whole = bridge.wheel.read_bytes()
    site.serve_part("/w.whl", lambda first, last: (206 if last else 200, content_range if last else "", whole))
    assert take(bridge, [bridge.offer(f"{site.url}/w.whl")], scratch) == TAKEN


def test_parts_that_break_off_are_no_parts(site: Site, bridge: Small, scratch: Path) -> None:
    whole = bridge.wheel.read_bytes()

    def half(first: int, last: int) -> tuple[int, str, bytes]:
        if (first, last) == (0, 0):
            return 200, "", whole
        body = whole[first : last + 1]
        return 206, f"bytes {first}-{last}/{len(whole)}", body[: len(body) // 2]

    site.serve_part("/w.whl", half)
    assert take(bridge, [bridge.offer(f"{site.url}/w.whl")], scratch) == TAKEN


def test_a_wheel_of_another_size_is_another_wheel(site: Site, bridge: Small, scratch: Path) -> None:
    whole = bridge.wheel.read_bytes() + noise(9, 1000)
    site.serve("/w.whl", whole)
    error = refusal(bridge, [bridge.offer(f"{site.url}/w.whl", source="mirror")], scratch)
    assert error.code == "bridge-part-differs"
    assert error.causes == (
        f"mirror: the wheel there has {len(whole)} bytes, and {bridge.part.size_bytes} are recorded",
    )


def test_a_whole_wheel_with_another_hash_is_another_wheel(site: Site, bridge: Small, scratch: Path) -> None:
    whole = bytearray(bridge.wheel.read_bytes())
    whole[100] ^= 1  # nothing that is wanted: the file as a whole is checked all the same
    site.serve_whole("/w.whl", bytes(whole))
    (cause,) = refusal(bridge, [bridge.offer(f"{site.url}/w.whl")], scratch).causes
    assert (
        cause == f"index: the wheel there has the SHA-256 {sha256(bytes(whole))}, and {bridge.part.sha256} is recorded"
    )


def test_a_source_that_lists_another_hash_is_not_even_asked(site: Site, bridge: Small, scratch: Path) -> None:
    error = refusal(bridge, [bridge.offer(f"{site.url}/w.whl", sha256="0" * 64)], scratch)
    assert (error.code, site.asked) == ("bridge-part-differs", [])
    assert f"with the SHA-256 {'0' * 64}, and {bridge.part.sha256} is recorded" in error.causes[0]


def test_a_changed_library_is_refused_by_name(site: Site, bridge: Small, scratch: Path, tmp_path: Path) -> None:
    contents = {file.path: b"x" * file.size_bytes for file in bridge.part.files}
    changed = write_zip(tmp_path / "changed.whl", contents, method=zipfile.ZIP_STORED).read_bytes()
    site.serve("/w.whl", changed)
    part = replace(bridge.part, size_bytes=len(changed))
    lying = replace(bridge, release=replace(bridge.release, parts=(part,)))
    (cause,) = refusal(lying, [lying.offer(f"{site.url}/w.whl")], scratch).causes
    assert cause.startswith("index: data/lib/libccl.so.1 has the SHA-256 ")


@pytest.mark.parametrize(("status", "words"), [(403, "HTTP 403 Forbidden"), (404, "HTTP 404 Not Found")])
def test_a_server_that_refuses_is_named(site: Site, bridge: Small, scratch: Path, status: int, words: str) -> None:
    site.fail("/w.whl", status)
    error = refusal(bridge, [bridge.offer(f"{site.url}/w.whl", source="intel-us")], scratch)
    assert (error.code, error.causes) == ("bridge-part-unreachable", (f"intel-us: {words}",))
    assert len(site.asked) == 1


def test_the_next_source_is_asked_where_the_first_fails(site: Site, bridge: Small, scratch: Path) -> None:
    site.fail("/gone.whl", 403)
    site.files("/w", [bridge.wheel])
    good = f"{site.url}/w/{bridge.wheel.name}"
    unrelated = replace(bridge.offer(good), filename="oneccl_cpu-2021.1-py3-none-any.whl")
    offers = [unrelated, bridge.offer(f"{site.url}/gone.whl"), bridge.offer(good, source="mirror")]
    assert take(bridge, offers, scratch) == TAKEN


def test_every_source_that_failed_is_told_of_and_no_password(bridge: Small, scratch: Path) -> None:
    dead = closed_port().replace("http://", "http://user:hunter2@")
    offers = [bridge.offer(f"{dead}/w.whl", source="one"), bridge.offer("file:///nowhere/w.whl", source="two")]
    error = refusal(bridge, offers, scratch)
    assert error.causes == ("one: connection refused", "two: No such file or directory")


def test_no_source_at_all(bridge: Small, scratch: Path) -> None:
    assert refusal(bridge, [], scratch).causes == ("no source has it",)


def test_a_line_that_fails_once_is_tried_again(site: Site, bridge: Small, scratch: Path) -> None:
    whole = bridge.wheel.read_bytes()
    site.files("/w", [bridge.wheel])
    answer = site.paths[f"/w/{bridge.wheel.name}"]
    failures = iter([True])

    def hang_up(request: object) -> None:
        if next(failures, False):
            raise ConnectionResetError
        answer(request)  # type: ignore[arg-type]  # the server's own

    site.paths["/w.whl"] = hang_up
    assert take(bridge, [bridge.offer(f"{site.url}/w.whl")], scratch) == TAKEN
    assert asked_bytes(site) < len(whole)


def test_a_folder_is_read_whole_and_checked(bridge: Small, scratch: Path) -> None:
    assert take(bridge, [bridge.offer()], scratch) == TAKEN
    whole = bytearray(bridge.wheel.read_bytes())
    whole[100] ^= 1
    bridge.wheel.write_bytes(whole)
    assert "has the SHA-256" in refusal(bridge, [bridge.offer()], scratch).causes[0]
    bridge.wheel.write_bytes(whole[:-1])
    assert "bytes, and" in refusal(bridge, [bridge.offer()], scratch).causes[0]


def test_each_server_is_reached_as_agreed(site: Site, bridge: Small, scratch: Path) -> None:
    site.files("", [bridge.wheel])
    asked: list[str] = []

    def access(url: str) -> Access:
        asked.append(url)
        return Access(proxy=site.url)

    url = f"http://index.invalid/{bridge.wheel.name}"
    line = Line(http=RequestsHttp(), access=access, scratch=scratch, listen=ignore)
    assert take_files(bridge.part, [bridge.offer(url)], line) == TAKEN
    assert set(asked) == {url}
