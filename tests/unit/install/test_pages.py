from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from ipexenv.install.pages import JSON_TYPE, Link, PageError, offers, read_listing
from ipexenv.system.http import Page

PYTHON = Version("3.11.7")
SHA = "a" * 64
WHEEL = "oneccl_bind_pt-1.12.0+cpu-cp38-cp38-linux_x86_64.whl"


def page(body: str, *, url: str = "https://index.test/simple/x/", kind: str = "text/html") -> Page:
    return Page(url=url, content_type=kind, body=body.encode())


def links(body: str, **more: str) -> tuple[Link, ...]:
    return read_listing(page(body, **more)).links


def json_links(*files: Any, **more: Any) -> tuple[Link, ...]:
    return read_listing(page(json.dumps({"files": list(files), **more}), kind=JSON_TYPE)).links


def test_a_find_links_page_as_intel_wrote_it() -> None:
    found = links(f'<html><body><a href="/wheels/{WHEEL.replace("+", "%2B")}">{WHEEL}</a><br></body></html>')
    assert found == (Link(filename=WHEEL, url=f"https://index.test/wheels/{WHEEL.replace('+', '%2B')}"),)


def test_everything_that_an_html_link_can_say() -> None:
    (link,) = links(
        f'<a href="../../f/torch-2.8.0-cp311-cp311-linux_x86_64.whl#sha256={SHA.upper()}" '
        'data-requires-python="&gt;=3.9" data-yanked="broken &amp; gone">torch</a>'
    )
    assert link == Link(
        filename="torch-2.8.0-cp311-cp311-linux_x86_64.whl",
        url="https://index.test/f/torch-2.8.0-cp311-cp311-linux_x86_64.whl",
        sha256=SHA,
        yanked="broken & gone",
        requires_python=">=3.9",
    )


def test_yanked_without_a_reason() -> None:
    assert links('<a href="a-1-py3-none-any.whl" data-yanked>a</a>')[0].yanked == ""
    assert links('<a href="a-1-py3-none-any.whl">a</a>')[0].yanked is None


def test_base_href_moves_relative_links() -> None:
    body = '<base href="https://files.test/deep/"><base href="/no/"><a href="a-1-py3-none-any.whl">a</a>'
    assert links(body)[0].url == "https://files.test/deep/a-1-py3-none-any.whl"


@pytest.mark.parametrize(
    "href",
    [
        "https://else.test/folder/",
        "mailto:someone@example.test",
        "javascript:void(0)",
        "file:///etc/x-1-py3-none-any.whl",
        "ftp://else.test/x-1-py3-none-any.whl",
        "https://else.test:port/x-1-py3-none-any.whl",
        "https://[::1/x-1-py3-none-any.whl",
        "readme.txt",
        "",
    ],
)
def test_links_that_lead_to_no_file_or_to_no_good_are_passed_over(href: str) -> None:
    assert links(f'<a href="{href}">x</a><a>no link</a>') == ()


def test_a_page_behind_tls_may_name_a_plain_address_only_with_a_digest() -> None:
    plain = "http://files.test/x-1-py3-none-any.whl"
    assert links(f'<a href="{plain}">x</a>') == ()
    assert links(f'<a href="{plain}#sha256={SHA}">x</a>')[0].url == plain
    assert links(f'<a href="{plain}">x</a>', url="http://index.test/")[0].url == plain


@pytest.mark.parametrize("base", ["file:///etc/", "file:/etc/", "http://files.test/"])
def test_a_page_cannot_give_itself_another_base_to_lead_out(base: str) -> None:
    """What may be followed is a matter of where the page came from; found by fuzzing."""
    assert links(f'<base href="{base}"><a href="x-1-py3-none-any.whl">x</a>') == ()
    assert links(f'<base href="{base}"><a href="https://a.test/x-1-py3-none-any.whl">x</a>') != ()


def test_a_saved_page_may_name_files_beside_it() -> None:
    assert links('<a href="x-1-py3-none-any.whl">x</a>', url="file:///wheels/index.html")[0].url == (
        "file:///wheels/x-1-py3-none-any.whl"
    )


def test_a_digest_that_is_none_is_dropped() -> None:
    assert links('<a href="x-1-py3-none-any.whl#sha256=123">x</a>')[0].sha256 is None
    assert links('<a href="x-1-py3-none-any.whl#md5=1&amp;sha256=' + SHA + '">x</a>')[0].sha256 == SHA


def test_spaces_in_a_link_are_quoted() -> None:
    assert links('<a href=" my files/x-1-py3-none-any.whl ">x</a>')[0].url.endswith("/my%20files/x-1-py3-none-any.whl")


def test_the_charset_of_the_answer_is_used_and_an_unknown_one_is_not_fatal() -> None:
    for charset in ("latin-1", "utf-8", "no-such-charset"):
        assert links('<a href="x-1-py3-none-any.whl">x</a>', kind=f"text/html; charset={charset}")


def test_everything_that_json_can_say() -> None:
    (link,) = json_links(
        {
            "filename": WHEEL,
            "url": f"../../f/{WHEEL.replace('+', '%2B')}",
            "hashes": {"sha256": SHA},
            "size": 39_800_000,
            "yanked": "why",
            "requires-python": ">=3.8",
        },
        meta={"api-version": "1.4"},
    )
    assert link == Link(
        filename=WHEEL,
        url=f"https://index.test/f/{WHEEL.replace('+', '%2B')}",
        sha256=SHA,
        size_bytes=39_800_000,
        yanked="why",
        requires_python=">=3.8",
    )


def test_yanked_in_json_may_be_a_truth() -> None:
    row = {"filename": "a-1-py3-none-any.whl", "url": "a-1-py3-none-any.whl"}
    assert [link.yanked for link in json_links({**row, "yanked": True}, {**row, "yanked": False})] == ["", None]


def test_odd_rows_of_json_are_passed_over() -> None:
    good = {"url": "a-1-py3-none-any.whl", "size": True, "hashes": [], "yanked": 3, "requires-python": 4, "filename": 5}
    found = json_links(good, None, 3, {}, {"url": 4}, {"url": "x", "filename": "../../a-1-py3-none-any.whl"})
    assert found == (Link(filename="a-1-py3-none-any.whl", url="https://index.test/simple/x/a-1-py3-none-any.whl"),)


def test_a_root_page_lists_no_files_and_is_still_an_index() -> None:
    root = read_listing(page(json.dumps({"projects": [{"name": "torch"}]}), kind=JSON_TYPE))
    assert (root.links, root.is_index) == ((), True)


def test_an_empty_html_page_is_an_index_where_it_says_so() -> None:
    assert read_listing(page('<meta name="pypi:repository-version" content="1.0">')).is_index
    assert not read_listing(page("<html><form>log in</form></html>")).is_index


@pytest.mark.parametrize(
    ("body", "kind", "words"),
    [
        ("{", JSON_TYPE, "its JSON cannot be read"),
        ("[" * 100_000, JSON_TYPE, "its JSON cannot be read"),
        ("[]", JSON_TYPE, "its JSON is no index page"),
        ('{"message": "no"}', "application/json; charset=utf-8", "its JSON lists no files"),
        (
            '{"meta": {"api-version": "2.0"}, "files": []}',
            JSON_TYPE,
            "its JSON has API version 2.0, and only 1.* is known",
        ),
        ("<![bad[", "text/html", "its HTML cannot be read"),
        ("%PDF-1.7", "application/pdf", "answers with application/pdf, not with a page of links"),
        ("", "", "answers with no content type, not with a page of links"),
    ],
)
def test_what_is_no_page_of_links_says_why(body: str, kind: str, words: str) -> None:
    with pytest.raises(PageError) as caught:
        read_listing(page(body, kind=kind))
    assert str(caught.value) == words


def test_offers_are_wheels_of_the_wanted_projects_that_admit_the_python() -> None:
    listed = [
        Link(filename=WHEEL, url="u1", sha256=SHA, size_bytes=7, yanked=""),
        Link(filename="oneccl_bind_pt-1.12.0.tar.gz", url="u2"),
        Link(filename="oneccl_bind_pt-nonsense.whl", url="u3"),
        Link(filename="oneccl_bind_pt-2.0_0-not_a_version-x-y-z.whl", url="u3"),
        Link(filename="torch-2.8.0-cp311-cp311-linux_x86_64.whl", url="u4"),
        Link(filename="oneccl_bind_pt-3.0.0-cp311-cp311-linux_x86_64.whl", url="u5", requires_python=">=3.12"),
        Link(filename="oneccl_bind_pt-3.0.1-cp311-cp311-linux_x86_64.whl", url="u6", requires_python="nonsense"),
    ]
    found = offers(listed, projects=("oneccl-bind-pt",), source="intel", configured=False, python=PYTHON)
    assert [(offer.version, offer.url) for offer in found] == [(Version("1.12.0+cpu"), "u1"), (Version("3.0.1"), "u6")]
    assert (found[0].sha256, found[0].size_bytes, found[0].yanked, found[0].source) == (SHA, 7, "", "intel")


_TEXT = st.text(max_size=60)
_MARKUP = st.lists(
    st.one_of(
        _TEXT,
        st.sampled_from(["<a href=", "'", '"', ">", "</a>", "<!--", "-->", "<![", "]]>", "<?", "&#x;", "<base href="]),
        st.sampled_from(
            ["x-1-py3-none-any.whl", "#sha256=", "http://[", "\\\\", "\x00", "\ud800", "%2", "//:99999999/"]
        ),
    ),
    max_size=30,
).map("".join)
_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), _TEXT),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(
            st.one_of(st.sampled_from(["files", "url", "hashes", "yanked", "meta", "api-version", "filename"]), _TEXT),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=12,
)


@given(body=_MARKUP, url=st.sampled_from(["https://a.test/x/", "http://a.test", "file:///a/b.html"]))
def test_no_html_raises_anything_but_page_error(body: str, url: str) -> None:
    outside = Page(url=url, content_type="text/html", body=body.encode("utf-8", "surrogatepass"))
    try:
        found = read_listing(outside).links
    except PageError:
        return
    assert all(" " not in link.url and link.filename for link in found)
    offers(found, projects=("x",), source="s", configured=False, python=PYTHON)


@given(document=_JSON)
def test_no_json_raises_anything_but_page_error(document: Any) -> None:
    files = {"files": [document]} if not isinstance(document, dict) else document
    outside = Page(url="https://a.test/x/", content_type=JSON_TYPE, body=json.dumps(files).encode())
    try:
        found = read_listing(outside).links
    except PageError:
        return
    offers(found, projects=("x",), source="s", configured=False, python=PYTHON)


@given(body=st.binary(max_size=200), kind=st.sampled_from([JSON_TYPE, "text/html; charset=utf-16", "text/html"]))
def test_no_bytes_raise_anything_but_page_error(body: bytes, kind: str) -> None:
    with contextlib.suppress(PageError):
        read_listing(Page(url="https://a.test/", content_type=kind, body=body))
