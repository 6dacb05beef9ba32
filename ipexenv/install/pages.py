"""Read what an index or find-links page lists. Pure: the page is already here.

HTML as in PEP 503, 592 and 629, JSON as in PEP 691 and 700. A page is outside text: whatever it holds, the one error
raised is PageError.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urldefrag, urljoin, urlsplit

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from ipexenv.install.addresses import last_segment, scheme
from ipexenv.outcome import Offer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from packaging.version import Version

    from ipexenv.system.http import Page

JSON_TYPE = "application/vnd.pypi.simple.v1+json"
ACCEPT = f"{JSON_TYPE}, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"

_JSON_TYPES = frozenset({JSON_TYPE, "application/json"})
_HTML_TYPES = frozenset({"text/html", "application/xhtml+xml", "application/vnd.pypi.simple.v1+html"})
_FILE_ENDINGS = (".whl", ".tar.gz", ".zip", ".tar.bz2", ".egg")
_SHA256 = re.compile(r"(?:^|&)sha256=([0-9a-fA-F]{64})(?:&|$)")
_SAFE_IN_URL = "/:?#[]@!$&'()*+,;=%~-._"
_MOST_NAME_BYTES = 255
"""NAME_MAX: no system could store a file of a longer name."""
_MOST_TAGS = 256
"""Real names stand for a dozen; a page full of names that stand for a million each would never be read to its end."""


class PageError(ValueError):
    """The page is not one that lists files; the text says why in a few words."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """One file that a page lists."""

    filename: str
    url: str
    sha256: str | None = None
    size_bytes: int | None = None
    yanked: str | None = None
    requires_python: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    """What a page lists. ``is_index`` says that the page itself tells that it is an index, though it may be empty."""

    links: tuple[Link, ...]
    is_index: bool


def read_listing(page: Page) -> Listing:
    """Return the files that ``page`` links to; raise PageError for what is no page of links."""
    kind = page.content_type.partition(";")[0].strip().lower()
    if kind in _JSON_TYPES:
        return _read_json(page)
    if kind in _HTML_TYPES:
        return _read_html(page)
    raise PageError(f"answers with {kind or 'no content type'}, not with a page of links")


def offers(
    links: Iterable[Link], *, projects: Iterable[str], source: str, configured: bool, python: Version
) -> tuple[Offer, ...]:
    """Return the wheels among ``links`` that belong to ``projects`` (normalised names) and admit ``python``.

    Files that are no wheels, or whose names no installer would accept, are passed over, as pip does.
    """
    wanted = frozenset(projects)
    found = (_offer(link, source=source, configured=configured) for link in links if _admits(link, python))
    return tuple(offer for offer in found if offer is not None and offer.project in wanted)


def _offer(link: Link, *, source: str, configured: bool) -> Offer | None:
    if not _is_plausible(link.filename):
        return None
    try:
        project, version, _build, _tags = parse_wheel_filename(link.filename)
    except (InvalidWheelFilename, ValueError):
        return None
    return Offer(
        project=str(project),
        version=version,
        filename=link.filename,
        url=link.url,
        source=source,
        sha256=link.sha256,
        size_bytes=link.size_bytes,
        yanked=link.yanked,
        configured=configured,
    )


def _is_plausible(filename: str) -> bool:
    """Say whether the name is worth taking apart: each of its three tags may be a list, and they multiply."""
    lists = filename.removesuffix(".whl").rsplit("-", 3)[1:]
    tags = math.prod(part.count(".") + 1 for part in lists)
    return len(filename.encode("utf-8", "surrogatepass")) <= _MOST_NAME_BYTES and tags <= _MOST_TAGS


def _admits(link: Link, python: Version) -> bool:
    if not link.requires_python:
        return True
    try:
        return SpecifierSet(link.requires_python).contains(python, prereleases=True)
    except InvalidSpecifier:
        return True


def _read_json(page: Page) -> Listing:
    try:
        document = json.loads(page.body)
    except (ValueError, RecursionError):
        raise PageError("its JSON cannot be read") from None
    if not isinstance(document, dict):
        raise PageError("its JSON is no index page")
    meta = document.get("meta")
    version = meta.get("api-version") if isinstance(meta, dict) else None
    if isinstance(version, str) and not version.startswith("1."):
        raise PageError(f"its JSON has API version {version}, and only 1.* is known")
    files = document.get("files")
    if not isinstance(files, list):
        if isinstance(document.get("projects"), list):
            return Listing(links=(), is_index=True)
        raise PageError("its JSON lists no files")
    links = (_json_link(row, page.url) for row in files)
    return Listing(links=tuple(link for link in links if link is not None), is_index=True)


def _json_link(row: Any, base: str) -> Link | None:  # noqa: ANN401 (anything may stand in a page)
    if not isinstance(row, dict) or not isinstance(row.get("url"), str):
        return None
    hashes = row.get("hashes")
    sha256 = hashes.get("sha256") if isinstance(hashes, dict) else None
    size, yanked, python = row.get("size"), row.get("yanked"), row.get("requires-python")
    return _link(
        row["url"],
        base,
        page=base,
        filename=row.get("filename") if isinstance(row.get("filename"), str) else None,
        sha256=sha256 if isinstance(sha256, str) else None,
        size_bytes=size if isinstance(size, int) and not isinstance(size, bool) and size >= 0 else None,
        yanked=yanked if isinstance(yanked, str) else ("" if yanked is True else None),
        requires_python=python if isinstance(python, str) else None,
    )


def _read_html(page: Page) -> Listing:
    charset = re.search(r"charset=\"?([\w-]+)", page.content_type)
    try:
        text = page.body.decode(charset.group(1) if charset else "utf-8", errors="replace")
    except LookupError:
        text = page.body.decode("utf-8", errors="replace")
    anchors = _Anchors()
    try:
        anchors.feed(text)
        anchors.close()
    except (AssertionError, ValueError):  # html.parser asserts on some malformed declarations
        raise PageError("its HTML cannot be read") from None
    base = _join(page.url, anchors.base) or page.url
    links = (
        _link(
            attributes.get("href") or "",
            base,
            page=page.url,
            yanked=(attributes["data-yanked"] or "") if "data-yanked" in attributes else None,
            requires_python=attributes.get("data-requires-python"),
        )
        for attributes in anchors.found
    )
    return Listing(links=tuple(link for link in links if link is not None), is_index=anchors.is_index)


class _Anchors(HTMLParser):
    """Collects ``<a>`` attributes, the first ``<base href>``, and whether PEP 629's mark is there."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[dict[str, str | None]] = []
        self.base = ""
        self.is_index = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        if tag == "a":
            self.found.append(attributes)
        elif tag == "base" and not self.base:
            self.base = attributes.get("href") or ""
        elif tag == "meta" and attributes.get("name") == "pypi:repository-version":
            self.is_index = True


def _link(  # noqa: PLR0913 (the properties of a link)
    href: str,
    base: str,
    *,
    page: str,
    filename: str | None = None,
    sha256: str | None = None,
    size_bytes: int | None = None,
    yanked: str | None = None,
    requires_python: str | None = None,
) -> Link | None:
    """Return the link, or None where it leads to no file or where following it from ``page`` would not be safe.

    ``base`` is what it is relative to, which an HTML page chooses for itself.
    """
    joined = _join(base, href)
    if joined is None:
        return None
    url, fragment = urldefrag(joined)
    name = filename or last_segment(url)
    if not name.endswith(_FILE_ENDINGS) or "/" in name:
        return None
    in_fragment = _SHA256.search(fragment)
    digest = sha256 or (in_fragment.group(1) if in_fragment else None)
    if not _may_follow(page, url, has_digest=digest is not None):
        return None
    return Link(
        filename=name,
        url=url,
        sha256=digest.lower() if digest and re.fullmatch(r"[0-9a-fA-F]{64}", digest) else None,
        size_bytes=size_bytes,
        yanked=yanked,
        requires_python=requires_python,
    )


def _may_follow(page: str, url: str, *, has_digest: bool) -> bool:
    """Keep a page of the web from naming local files, and a page behind TLS from naming unprotected ones."""
    here, there = scheme(page), scheme(url)
    if there == "http":
        return here != "https" or has_digest
    return there == "https" or (there == "file" and here == "file")


def _join(base: str, href: str) -> str | None:
    try:
        joined = urljoin(base, href.strip())
        urlsplit(joined).port  # noqa: B018 (raises ValueError for a port that is no number)
        return quote(joined, safe=_SAFE_IN_URL)
    except ValueError:
        return None
