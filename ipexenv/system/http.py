"""HTTP behind a Protocol. `requests` is imported on first use: most commands never need it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


class UnreachableError(Exception):
    """A URL gave no usable answer; the text says why in a few words, without credentials."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """One answer, whole and with status 200."""

    url: str
    """After redirects."""
    content_type: str
    body: bytes


class Http(Protocol):
    """Fetches pages."""

    def get(self, url: str, *, accept: str, limit_s: float, max_bytes: int, verify: str | bool = True) -> Page:
        """Return the page at ``url`` within ``limit_s`` seconds in all, or raise UnreachableError."""
        ...


class RequestsHttp:
    """The real Http."""

    def get(self, url: str, *, accept: str, limit_s: float, max_bytes: int, verify: str | bool = True) -> Page:
        """See Http.get."""
        raise NotImplementedError
