"""How to get through to a server, and what it means when that fails."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Access:
    """How to get through to one server."""

    verify: str | bool = True
    """A file or folder of certificate authorities, False to trust any certificate, True for the usual ones."""
    client_cert: str | None = None
    """File with the client's certificate and key (PEM)."""
    proxy: str | None = None
    """Proxy for every scheme; None leaves it to the environment (``HTTPS_PROXY``, ``NO_PROXY``)."""


USUAL_ACCESS = Access()


class UnreachableError(Exception):
    """A URL gave no usable answer; the text says why in a few words, without credentials."""

    def __init__(self, text: str, *, status: int | None = None) -> None:
        """Keep the words and, where the server answered at all, its HTTP status."""
        super().__init__(text)
        self.status = status


class NoRangesError(UnreachableError):
    """The server answers, and not with the part of the file that it was asked for; the whole file may yet be had."""
