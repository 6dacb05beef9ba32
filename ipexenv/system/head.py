"""What a server says before the body of its answer."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urldefrag, urljoin

if TYPE_CHECKING:
    import requests

_SPAN = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """The part of a file that an answer holds, both ends included (RFC 9110, 14.4)."""

    first: int
    last: int
    whole_bytes: int | None
    """Size of the whole file, None where the server does not tell."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Head:
    """What an answer says before its body."""

    status: int
    reason: str = ""
    content_type: str = ""
    length_bytes: int | None = None
    """Of the body that follows; None where it is not announced."""
    span: Span | None = None
    validator: str | None = None
    """Strong ETag, else the date of the last change: equal for equal bytes, and fit for ``If-Range``."""
    encoded: bool = False
    """Whether something on the way compressed the body."""
    location: str | None = field(default=None, repr=False)
    """Where the server sends us instead, absolute; it may hold a signature."""
    retry_after: str | None = None

    @property
    def words(self) -> str:
        """Return the status as people know it: ``HTTP 403 Forbidden``."""
        return f"HTTP {self.status} {self.reason}".rstrip()


def head_of(response: requests.Response, url: str) -> Head:
    """Read the head of an answer to ``url``. What makes no sense in it counts as absent."""
    headers = response.headers
    length, location = headers.get("Content-Length", ""), headers.get("Location")
    etag = headers.get("ETag", "")
    return Head(
        status=response.status_code,
        reason="".join(letter for letter in response.reason or "" if letter.isprintable())[:60],
        content_type=headers.get("Content-Type", "").partition(";")[0].strip().lower(),
        length_bytes=int(length) if re.fullmatch(r"[0-9]{1,18}", length) else None,
        span=_span(headers.get("Content-Range", "")),
        validator=etag if etag.startswith('"') else headers.get("Last-Modified") or None,
        encoded=headers.get("Content-Encoding", "identity").strip().lower() not in {"", "identity"},
        location=None if location is None else _absolute(url, location),
        retry_after=headers.get("Retry-After"),
    )


def _span(text: str) -> Span | None:
    match = _SPAN.fullmatch(text.strip())
    if match is None or int(match[2]) < int(match[1]):
        return None
    return Span(first=int(match[1]), last=int(match[2]), whole_bytes=None if match[3] == "*" else int(match[3]))


def _absolute(url: str, location: str) -> str:
    try:
        # http.client reads headers as Latin-1, and servers write UTF-8.
        return urldefrag(urljoin(url, location.encode("latin-1").decode("utf-8", "replace")))[0]
    except ValueError:
        return ""
