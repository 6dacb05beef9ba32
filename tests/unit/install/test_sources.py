from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest

from ipexenv.errors import AnswerIsNo, OutsideError, UsageError
from ipexenv.install import sources
from ipexenv.install.configuration import Configuration
from ipexenv.install.parallel import in_parallel
from ipexenv.install.places import Place, built_in_index, places
from ipexenv.install.sources import blaming_sources, survey
from ipexenv.system.http import Access, Page, RequestsHttp, UnreachableError
from ipexenv.tables.sources import NamedSource
from tests.fakes import FakeHttp, facts
from tests.servers import closed_port, serving
from tests.wheels import build_wheel, fake_bindings, fake_ipex, fake_torch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ipexenv.events import Event
    from ipexenv.outcome import Market
    from ipexenv.system.world import World
    from ipexenv.tables.schema import Tables
    from ipexenv.tables.sources import SourceKind
    from tests.servers import Site

IPEX, BINDINGS = "intel-extension-for-pytorch", "oneccl-bind-pt"
PARTS = ("oneccl", "oneccl-cpu", "impi-rt")


@dataclass
class Heard:
    events: list[Event] = field(default_factory=list)

    def __call__(self, event: Event) -> None:
        self.events.append(event)

    def lines(self, kind: str) -> list[str]:
        return [event.text for event in self.events if event.kind == kind]


@pytest.fixture
def site() -> Iterator[Site]:
    with serving() as site:
        yield site


@pytest.fixture
def networked(world: World) -> World:
    """Return the world with real HTTP and an index that refuses connections."""
    return replace(world, http=RequestsHttp(), env={**world.env, "PIP_INDEX_URL": closed_port(), "NO_PROXY": "*"})


def named(
    tables: Tables, url: str, *, kind: SourceKind = "simple", serves: tuple[str, ...] = (BINDINGS,), ask: bool = True
) -> NamedSource:
    provenance = tables.ipex[0].provenance
    return NamedSource(
        name="intel-us",
        url=url,
        kind=kind,
        serves=serves,
        state="serving",
        state_seen="2026-01-01",
        ask=ask,
        provenance=provenance,
    )


def ask(
    world: World, tables: Tables, *user: str, offline: bool = False, engine: str = "pip", heard: Heard | None = None
) -> Market:
    return survey(
        world, tables=tables, facts=facts(), user_sources=user, listen=heard or Heard(), engine=engine, offline=offline
    )


def listed(market: Market) -> list[tuple[str, str, bool]]:
    return sorted((offer.project, str(offer.version), offer.configured) for offer in market.offers)


def wheels(folder: Path) -> list[Path]:
    return [
        fake_torch(folder, "2.7.0", "3.11"),
        fake_ipex(folder, "2.7.0", "3.11"),
        fake_bindings(folder, "2.7.0", "3.11"),
    ]


ALL = [(IPEX, "2.7.0", False), (BINDINGS, "2.7.0+cpu", False), ("torch", "2.7.0", False)]


@pytest.mark.parametrize("as_json", [False, True])
def test_an_index_that_the_user_names(
    site: Site, networked: World, tables: Tables, tmp_path: Path, *, as_json: bool
) -> None:
    url = site.simple("/simple", wheels(tmp_path / "w"), as_json=as_json)
    market = ask(networked, tables, url)
    assert listed(market) == ALL
    assert all(offer.sha256 and offer.source == url for offer in market.offers)
    assert all(bool(offer.size_bytes) == as_json for offer in market.offers)


def test_a_find_links_page_that_the_user_names(site: Site, networked: World, tables: Tables, tmp_path: Path) -> None:
    built = wheels(tmp_path / "w")
    assert listed(ask(networked, tables, site.find_links("/whl-stable.html", built))) == ALL
    assert listed(ask(networked, tables, site.find_links("/ipex-whl-stable", built))) == ALL


def test_folders_pages_and_indexes_on_disk(networked: World, tables: Tables, tmp_path: Path) -> None:
    wheels(tmp_path / "w")
    page = tmp_path / "page.html"
    page.write_text('<a href="w/oneccl_bind_pt-2.7.0+cpu-cp311-cp311-linux_x86_64.whl">x</a>', encoding="utf-8")
    (tmp_path / "index" / IPEX).mkdir(parents=True)
    fake_ipex(tmp_path / "index" / IPEX, "2.7.0", "3.11")
    (tmp_path / "index" / BINDINGS).mkdir()
    (tmp_path / "index" / BINDINGS / "index.html").write_text(
        page.read_text("utf-8").replace("w/", "../../w/"), "utf-8"
    )
    assert listed(ask(networked, tables, str(tmp_path / "w"))) == ALL
    assert listed(ask(networked, tables, (tmp_path / "w").as_uri())) == ALL
    assert listed(ask(networked, tables, str(page))) == [ALL[1]]
    assert listed(ask(networked, tables, str(tmp_path / "index"))) == ALL[:2]


def test_the_size_of_files_on_disk_is_known(networked: World, tables: Tables, tmp_path: Path) -> None:
    file = fake_ipex(tmp_path, "2.7.0", "3.11")
    (offer,) = ask(networked, tables, str(tmp_path)).offers
    assert (offer.size_bytes, offer.url) == (file.stat().st_size, file.resolve().as_uri())


def test_user_sources_start_at_the_working_directory(networked: World, tables: Tables) -> None:
    fake_ipex(networked.directory / "mine", "2.7.0", "3.11")
    assert listed(ask(networked, tables, "mine")) == [ALL[0]]


@pytest.mark.parametrize("source", ["/no/such/folder", "no-such-folder", "https://", "https://[::1"])
def test_a_user_source_that_cannot_be(networked: World, tables: Tables, source: str) -> None:
    with pytest.raises(UsageError) as caught:
        ask(networked, tables, source)
    assert source.partition("[")[0] in caught.value.message


def test_a_file_that_is_no_page(networked: World, tables: Tables, tmp_path: Path) -> None:
    file = tmp_path / "wheels.txt"
    file.write_text("x", encoding="utf-8")
    (report, *_) = ask(networked, tables, str(file)).reports
    assert (report.state, report.detail) == ("failed", "it is neither a folder nor an HTML page")


def test_the_configured_index_is_never_asked_for_the_bindings(
    site: Site, networked: World, tables: Tables, tmp_path: Path
) -> None:
    hostile = [*wheels(tmp_path / "w"), fake_bindings(tmp_path / "w", "99.0", "3.11")]
    url = site.simple("/simple", hostile)
    links = site.find_links("/links.html", hostile)
    world = replace(
        networked, env={**networked.env, "PIP_INDEX_URL": url, "PIP_FIND_LINKS": f"{links} {tmp_path / 'w'}"}
    )
    market = ask(world, tables)
    assert {offer.project for offer in market.offers} == {IPEX, "torch"}
    assert all(offer.configured for offer in market.offers)
    assert not any(BINDINGS in path for path in site.asked if path.startswith("/simple"))


def test_an_index_that_is_configured_and_named_is_asked_for_the_bindings_once(
    site: Site, networked: World, tables: Tables, tmp_path: Path
) -> None:
    url = site.simple("/simple", wheels(tmp_path / "w"))
    world = replace(networked, env={**networked.env, "PIP_INDEX_URL": url})
    with_table = replace(tables, sources=(named(tables, f"{url}/", serves=(IPEX, BINDINGS)),))
    assert listed(ask(world, with_table)) == [
        (IPEX, "2.7.0", True),
        (BINDINGS, "2.7.0+cpu", False),
        ("torch", "2.7.0", True),
    ]
    assert site.asked.count(f"/simple/{IPEX}/") == 1


def test_the_tables_sources_are_asked_for_what_they_serve(
    site: Site, networked: World, tables: Tables, tmp_path: Path
) -> None:
    url = site.simple("/us", wheels(tmp_path / "w"))
    market = ask(networked, replace(tables, sources=(named(tables, url),)))
    assert listed(market) == [ALL[1]]
    assert [report.name for report in market.reports][1:] == ["intel-us"]


def test_sources_that_are_history_are_not_asked(site: Site, networked: World, tables: Tables, tmp_path: Path) -> None:
    url = site.simple("/us", wheels(tmp_path / "w"))
    dead = (named(tables, url, ask=False), named(tables, url, kind="files"))
    assert ask(networked, replace(tables, sources=dead)).offers == ()


def test_partners_of_torch_are_looked_for_where_they_are_installed(world: World, tables: Tables) -> None:
    plain = facts(torch="2.7.0")
    partner = replace(plain, installed=replace(plain.installed, torchvision=plain.installed.torch))
    settings = Configuration(index="https://i.test")
    for given, expected in ((plain, False), (partner, True)):
        (place,) = places(world, tables=tables, facts=given, configuration=settings, user_sources=(), offline=False)
        assert ("torchvision" in place.projects) is expected


def test_the_built_in_index_is_pips() -> None:
    index = built_in_index()
    assert index is not None
    assert index.startswith("https://")
    assert index.endswith("/simple")


def test_the_built_in_index_is_asked_where_none_is_configured(world: World, tables: Tables) -> None:
    http = FakeHttp()
    market = ask(replace(world, http=http), tables)
    assert [report.url for report in market.reports] == [built_in_index()]
    assert {url.rsplit("/", 2)[1] for url in http.asked} == {"torch", IPEX, *PARTS}


def test_what_the_bridge_is_made_from_is_asked_for_where_it_may_be_taken(world: World, tables: Tables) -> None:
    http = FakeHttp()
    survey(replace(world, http=http), tables=tables, facts=facts(), user_sources=(), listen=Heard(), bridge=False)
    assert {url.rsplit("/", 2)[1] for url in http.asked} == {"torch", IPEX}


def test_the_bridge_itself_comes_from_a_source_of_the_user_alone(
    networked: World, tables: Tables, tmp_path: Path, site: Site
) -> None:
    ready = build_wheel(tmp_path / "w", "ipexenv_oneccl_bridge", "2022.2.0+ipexenv.bridge.1")
    index = site.simple("/simple", [ready])
    market = ask(replace(networked, env={**networked.env, "PIP_INDEX_URL": index}), tables, str(tmp_path / "w"))
    assert [(offer.filename, offer.configured) for offer in market.offers] == [(ready.name, False)]
    assert not any("bridge" in path for path in site.asked)


def test_offline_asks_nothing_beyond_this_machine(networked: World, tables: Tables, tmp_path: Path, site: Site) -> None:
    wheels(tmp_path / "w")
    url = site.simple("/us", wheels(tmp_path / "v"))
    world = replace(networked, env={**networked.env, "PIP_INDEX_URL": url, "PIP_FIND_LINKS": str(tmp_path / "v")})
    market = ask(world, replace(tables, sources=(named(tables, url),)), str(tmp_path / "w"), url, offline=True)
    assert [report.name for report in market.reports] == [str(tmp_path / "w"), str(tmp_path / "v")]
    assert site.asked == []


def test_what_fails_is_told_once_and_passed_over(site: Site, networked: World, tables: Tables, tmp_path: Path) -> None:
    good = tmp_path / "w"
    wheels(good)
    site.fail(f"/us/{BINDINGS}/", 403)
    heard = Heard()
    market = ask(networked, replace(tables, sources=(named(tables, f"{site.url}/us"),)), str(good), heard=heard)
    assert listed(market) == ALL
    states = {report.name: (report.state, report.detail) for report in market.reports}
    assert states["intel-us"] == ("failed", "HTTP 403 Forbidden")
    assert heard.lines("step") == [
        "asking 3 sources",
        f"source {networked.env['PIP_INDEX_URL']}: connection refused; passed over",
        "source intel-us: HTTP 403 Forbidden; passed over",
    ]
    assert [line.partition(": ")[2].partition(" (")[0] for line in heard.lines("detail")] == ["3 wheels"]


def test_a_failure_for_one_project_names_it_and_keeps_the_rest(
    site: Site, networked: World, tables: Tables, tmp_path: Path
) -> None:
    url = site.simple("/us", wheels(tmp_path / "w"))
    site.fail(f"/us/{IPEX}/", 403)
    source = named(tables, url, serves=(IPEX, BINDINGS))
    market = ask(networked, replace(tables, sources=(source,)))
    assert listed(market) == [ALL[1]]
    assert market.reports[-1].detail == f"HTTP 403 Forbidden (for {IPEX})"


def test_a_source_that_has_nothing_is_empty(site: Site, networked: World, tables: Tables) -> None:
    market = ask(networked, replace(tables, sources=(named(tables, f"{site.url}/us"),)))
    assert (market.reports[-1].state, market.reports[-1].detail) == (
        "empty",
        f"has no wheel of {BINDINGS} for this Python",
    )


@pytest.mark.parametrize("kind", ["simple", "find-links"])
@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("log-in", "its page lists no files: it may be an error or log-in page"),
        ("cut-off", "cut off before its end"),
        ("pdf", "answers with application/pdf, not with a page of links"),
        ("circle", "more than 5 redirects"),
        ("broken", "its JSON cannot be read"),
    ],
)
def test_pages_that_are_none(
    site: Site, networked: World, tables: Tables, *, fault: str, words: str, kind: SourceKind
) -> None:
    path = f"/us/{BINDINGS}/" if kind == "simple" else "/us"
    body = b'<a href="oneccl_bind_pt-2.7.0+cpu-cp311-cp311-linux_x86_64.whl">x</a>' * 9
    {
        "log-in": lambda: site.serve(path, "<html><form>Please log in</form></html>"),
        "cut-off": lambda: site.cut_off(path, body, "text/html"),
        "pdf": lambda: site.serve(path, "%PDF", "application/pdf"),
        "circle": lambda: site.redirect(path, path),
        "broken": lambda: site.serve(path, '{"files": [', "application/vnd.pypi.simple.v1+json"),
    }[fault]()
    market = ask(networked, replace(tables, sources=(named(tables, f"{site.url}/us", kind=kind),)))
    assert (market.reports[-1].state, market.reports[-1].detail) == ("failed", words)


def test_a_source_that_stalls_is_left_behind(
    site: Site, networked: World, tables: Tables, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "LIMIT_S", 0.3)
    wheels(tmp_path / "w")
    site.stall(f"/us/{BINDINGS}/")
    market = ask(networked, replace(tables, sources=(named(tables, f"{site.url}/us"),)), str(tmp_path / "w"))
    assert market.reports[-1].state == "failed"
    assert "in time" in str(market.reports[-1].detail) or "within" in str(market.reports[-1].detail)
    assert listed(market) == ALL


def test_an_index_whose_root_is_forbidden_is_asked_by_project(
    site: Site, networked: World, tables: Tables, tmp_path: Path
) -> None:
    url = site.simple("/us", wheels(tmp_path / "w"))
    site.fail("/us", 403)
    assert listed(ask(networked, tables, url)) == ALL


def test_a_root_that_cannot_be_reached_or_read_is_not_asked_further(
    site: Site, networked: World, tables: Tables
) -> None:
    site.serve("/pdf", "%PDF", "application/pdf")
    market = ask(networked, tables, closed_port(), f"{site.url}/pdf")
    assert [report.detail for report in market.reports][:2] == [
        "connection refused",
        "answers with application/pdf, not with a page of links",
    ]
    assert site.asked == ["/pdf"]


def test_credentials_reach_the_source_and_no_report(
    site: Site, networked: World, tables: Tables, tmp_path: Path
) -> None:
    url = site.simple("/us", wheels(tmp_path / "w")).replace("http://", "http://me:hunter2@")
    market = ask(networked, tables, url)
    assert set(site.authorizations) == {"Basic bWU6aHVudGVyMg=="}
    assert "hunter2" not in repr(market.reports) + "".join(offer.source for offer in market.offers)
    assert all("hunter2" in offer.url for offer in market.offers)


def test_a_way_from_tls_to_plain_http_is_not_taken(world: World, tables: Tables) -> None:
    page = Page(url="http://plain.test/us", content_type="text/html", body=b'<a href="x-1-py3-none-any.whl">x</a>')
    leading = replace(world, http=FakeHttp(pages={"https://safe.test/page.html": page}))
    (report, *_) = ask(leading, tables, "https://safe.test/page.html").reports
    assert report.detail == "it leads from https to plain http, where nothing protects a download"


def test_access_follows_the_configuration(world: World, tables: Tables) -> None:
    settings = Configuration(
        index="https://a.test/simple",
        extra_indexes=("https://b.test/simple",),
        trusted_hosts=("b.test",),
        cert="/ca.pem",
        client_cert="/me.pem",
        proxy="http://p.test",
    )
    one, two = places(world, tables=tables, facts=facts(), configuration=settings, user_sources=(), offline=False)
    assert one.access == Access(verify="/ca.pem", client_cert="/me.pem", proxy="http://p.test")
    assert two.access.verify is False


def test_uvs_configuration_counts_where_uv_does_the_work(world: World, tables: Tables, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    uv = tmp_path / "bin" / "uv"
    uv.write_text("#!/bin/sh\n", encoding="utf-8")
    uv.chmod(0o755)
    there = replace(world, env={**world.env, "UV_DEFAULT_INDEX": "https://u.test", "PIP_INDEX_URL": "https://p.test"})
    assert [report.url for report in ask(there, tables, engine="pip").reports] == ["https://p.test"]
    assert [report.url for report in ask(there, tables, engine="auto").reports] == ["https://u.test", "https://p.test"]


def test_a_no_that_is_the_sources_fault_is_an_outside_error() -> None:
    with pytest.raises(OutsideError) as caught, blaming_sources():
        raise AnswerIsNo("m", code="no-source", causes=("c",), hint="h", data={"a": 1})
    assert (caught.value.message, caught.value.causes, caught.value.hint, caught.value.data) == (
        "m",
        ("c",),
        "h",
        {"a": 1},
    )
    with pytest.raises(AnswerIsNo), blaming_sources():
        raise AnswerIsNo("m", code="no-compatible-release")


def test_jobs_run_together_and_late_ones_are_left_behind() -> None:
    first, last, never = threading.Event(), threading.Event(), threading.Event()

    def meet(own: threading.Event, other: threading.Event) -> bool:
        own.set()
        return other.wait(60)

    assert in_parallel([lambda: meet(first, last), lambda: meet(last, first)], limit_s=60) == [True, True]
    jobs = [lambda: 1, lambda: never.wait(600), lambda: 3]
    limits_s = (0.1, 1, 10, 60)  # a busy machine may need longer even for what takes no time
    assert any(in_parallel(jobs, limit_s=each) == [1, None, 3] for each in limits_s)
    never.set()


def test_what_a_job_raises_is_raised() -> None:
    def bad() -> int:
        raise UnreachableError("x")

    with pytest.raises(UnreachableError):
        in_parallel([bad], limit_s=60)


def test_a_place_named_twice_is_asked_once(world: World, tables: Tables) -> None:
    settings = Configuration(index="https://a.test/simple", extra_indexes=("https://a.test/simple/",))
    found = places(world, tables=tables, facts=facts(), configuration=settings, user_sources=(), offline=False)
    assert [type(place) for place in found] == [Place]


def test_what_a_constraint_file_excludes_is_not_offered(world: World, tables: Tables, tmp_path: Path) -> None:
    wheels(tmp_path / "w")
    fake_torch(tmp_path / "w", "2.8.0", "3.11")
    (tmp_path / "caps.txt").write_text("torch<2.8\nnumpy<2\n", encoding="utf-8")
    there = replace(world, env={**world.env, "PIP_NO_INDEX": "1", "PIP_CONSTRAINT": str(tmp_path / "caps.txt")})
    heard = Heard()
    assert listed(ask(there, tables, str(tmp_path / "w"), heard=heard)) == ALL
    assert heard.lines("step")[-1] == f"constraint: torch<2.8, from {tmp_path / 'caps.txt'}"
