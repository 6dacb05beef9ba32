"""Addresses of sources: shown without credentials, told apart, turned into paths. No network here."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote
from urllib.request import url2pathname

_WEB = frozenset({"http", "https"})
_CREDENTIALS = re.compile(r"(?<=://)[^/@\s'\"]+@")
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://)(?:[^/?#]*@)?([^/?#]*)([^?#]*)")


def is_web(address: str) -> bool:
    """Say whether ``address`` is an http or https URL."""
    return scheme(address) in _WEB


def is_local(address: str) -> bool:
    """Say whether ``address`` is a path or a ``file:`` URL: nothing leaves the machine to read it."""
    return scheme(address) in {"", "file"}


def scheme(address: str) -> str:
    """Return the scheme in lower case, empty where ``address`` is a path."""
    head, separator, _rest = address.partition("://")
    if separator and head.replace("+", "").replace("-", "").replace(".", "").isalnum():
        return head.lower()
    return "file" if address[:5].lower() == "file:" else ""


def local_path(address: str, directory: Path) -> Path:
    """Return the path that a ``file:`` URL or a path (relative to ``directory``, ``~`` understood) names."""
    if scheme(address) == "file":
        return Path(url2pathname(re.sub(r"^(//[^/]*)?(?=/)", "", address[5:]) or "/"))
    return directory / Path(address).expanduser()


def host_of(address: str) -> str:
    """Return ``host`` or ``host:port`` of a URL, without credentials; empty for a path."""
    return _parts(address)[1]


def without_credentials(address: str) -> str:
    """Return ``address`` as it may be shown: no user, no password, no query, which often holds a signature."""
    start, host, path = _parts(address)
    return f"{start}{host}{path}" if is_web(address) else address


def hide_credentials(text: str) -> str:
    """Return a line of text with the credentials of every URL in it left out; pip prints those of requirements."""
    return _CREDENTIALS.sub("", text)


def last_segment(address: str) -> str:
    """Return the file name at the end of a URL, percent-decoded."""
    return unquote(_parts(address)[2].rpartition("/")[2])


def _parts(address: str) -> tuple[str, str, str]:
    """Return scheme with its slashes, host and path. Nothing malformed makes it raise, unlike ``urlsplit``."""
    match = _URL.match(address)
    return (match[1], match[2], match[3]) if match else ("", "", re.split(r"[?#]", address, maxsplit=1)[0])
