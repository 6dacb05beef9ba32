"""What can go wrong with a download, in words, and whether trying again may help. Pure."""

from __future__ import annotations

import errno
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from ipexenv.errors import OutsideError
from ipexenv.system.transfer import CutOffError, StalledError

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from ipexenv.ruling import Offer
    from ipexenv.system.access import UnreachableError
    from ipexenv.system.transfer import Head

_FORBIDDEN = frozenset({401, 403, 407})
_MISSING = frozenset({404, 410})
_PASSING = frozenset({408, 425, 500, 502, 503, 504})
_BUSY = 429
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_HOPELESS = ("TLS:", "not a valid URL", "redirected to", "the proxy")

_HINTS = {
    "forbidden": "see whether the source wants credentials (netrc, or in its URL), or name another one with `--source`",
    "not-found": "name another source with `--source URL-or-DIR`",
    "hash-mismatch": "do not use this file; name another source with `--source URL-or-DIR`",
    "insecure": "use https, or accept it for this host with `--allow-insecure HOST`",
    "no-known-hash": "leave out `--require-known`, or name a source that gives hashes",
    "tls": "set the certificate authority that pip uses (`pip config set global.cert FILE`)",
    "unreachable": "run the same command again when the network is back: what has come so far is kept",
    "cut-off": "run the same command again: what has come so far is kept",
    "stalled": "run the same command again: what has come so far is kept",
    "busy": "run the same command again later: what has come so far is kept",
    "server-failed": "run the same command again later, or name another source with `--source URL-or-DIR`",
}


class Trouble(Exception):  # noqa: N818 (the word for what a download has; OutsideError is what users see of it)
    """One attempt failed. ``again`` says whether the same source is worth another attempt, ``wait_s`` when."""

    def __init__(self, words: str, *, code: str, again: bool = False, wait_s: float | None = None) -> None:
        """Keep what went wrong, in words without credentials."""
        super().__init__(words)
        self.words = words
        self.code = code
        self.again = again
        self.wait_s = wait_s

    def about(self, offer: Offer) -> OutsideError:
        """Return the error that names the file and its source."""
        return failure(offer, self.words, code=self.code)


def failure(offer: Offer, *causes: str, code: str) -> OutsideError:
    """Return the error for a file that cannot be had."""
    hint = _HINTS.get(code, _HINTS["not-found"])
    return OutsideError(f"{offer.filename} cannot be had from {offer.source}", code=code, causes=causes, hint=hint)


def from_unreachable(error: UnreachableError) -> Trouble:
    """Name what kept an answer from coming."""
    words = str(error)
    if words.startswith("TLS:"):
        return Trouble(words, code="tls")
    code = "cut-off" if isinstance(error, CutOffError) else "stalled" if isinstance(error, StalledError) else ""
    return Trouble(words, code=code or "unreachable", again=not words.startswith(_HOPELESS))


def from_status(head: Head, *, now: datetime) -> Trouble:
    """Name what an answer without a file means."""
    status = head.status
    if status in _FORBIDDEN:
        return Trouble(head.words, code="forbidden")
    if status in _MISSING:
        return Trouble(head.words, code="not-found")
    if status == _BUSY or status in _PASSING:
        code = "busy" if status == _BUSY else "server-failed"
        return Trouble(head.words, code=code, again=True, wait_s=seconds_to_wait(head.retry_after, now=now))
    return Trouble(head.words, code="server-failed")


def seconds_to_wait(retry_after: str | None, *, now: datetime) -> float | None:
    """Read ``Retry-After`` (RFC 9110, 10.2.3): seconds or a date. None where it is absent or makes no sense."""
    text = (retry_after or "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        date = parsedate_to_datetime(text)
        return max(0.0, (date - now).total_seconds())
    except (TypeError, ValueError, OverflowError):  # TypeError: a date without time zone
        return None


def disk_error(error: OSError, folder: Path) -> OutsideError:
    """Return the error for a file that cannot be written."""
    if error.errno in _FULL:
        return OutsideError(
            "there is not enough room on the disk",
            code="disk-full",
            causes=(f"writing to {folder}: {error.strerror}",),
            hint="free some space (`ipexenv cache clear`), or put the cache elsewhere with IPEXENV_CACHE_DIR",
        )
    return OutsideError(
        "a download cannot be written",
        code="not-writable",
        causes=(f"{folder}: {error.strerror or error}",),
        hint="correct the permissions, or put the cache elsewhere with IPEXENV_CACHE_DIR",
    )
