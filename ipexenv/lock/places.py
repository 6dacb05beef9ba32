"""Where a file of a lock lies: URLs without secrets, and paths relative to the lock. No file is touched."""

from __future__ import annotations

from pathlib import PurePosixPath
from urllib.parse import unquote

from ipexenv.install.addresses import host_of, is_local, is_web, without_credentials


def place_of(url: str, folder: PurePosixPath) -> dict[str, str]:
    """Return ``{"url": …}`` or ``{"path": …}`` for a lock that lies in ``folder`` (absolute).

    A URL loses user, password and query, which may hold a signature; whoever replays the lock has credentials of his
    own. A file on this machine is named relative to the lock where it lies below it, so that both can move together.
    """
    if not is_local(url):
        return {"url": without_credentials(url)}
    path = path_of(url)
    return {"path": str(path.relative_to(folder) if path.is_relative_to(folder) else path)}


def url_of(*, url: str | None, path: str | None, folder: PurePosixPath) -> str:
    """Return the absolute URL of a file that a lock in ``folder`` names; raise ValueError for what is none."""
    if url is not None and (not url.isprintable() or " " in url):
        msg = f"{without_credentials(url)[:100]!r} is no URL"
        raise ValueError(msg)
    if url is not None and is_web(url):
        return without_credentials(url)
    if url is not None and not is_local(url):
        msg = f"{without_credentials(url)[:100]!r} is neither http, https nor a file"
        raise ValueError(msg)
    named = path_of(url) if url is not None else PurePosixPath(path or "")
    if not named.name or "\0" in str(named):
        msg = "the path names no file"
        raise ValueError(msg)
    return (folder / named).as_uri()


def usual_source(url: str) -> str:
    """Return the name of the source that a file is said to be from unless a source's own name is known."""
    return str(path_of(url).parent) if is_local(url) else host_of(url)


def path_of(url: str) -> PurePosixPath:
    """Return the path that a ``file:`` URL or a plain path names."""
    if url[:5].lower() != "file:":
        return PurePosixPath(url)
    rest = url[5:]
    if rest.startswith("//"):
        rest = "/" + rest[2:].partition("/")[2]
    return PurePosixPath(unquote(rest))
