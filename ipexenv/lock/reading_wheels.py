"""The wheels that a lock names, each with its SHA-256 and a place that may be asked."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from packaging.utils import parse_wheel_filename

from ipexenv.lock.places import url_of
from ipexenv.reading import MalformedError
from ipexenv.ruling import Offer

if TYPE_CHECKING:
    from pathlib import PurePosixPath

    from packaging.pylock import Pylock

MAX_NAME = 255
"""Longest file name: a longer one fits on no file system, and its tags would multiply without end."""

_SHA256 = re.compile(r"[0-9a-f]{64}")


def read_wheels(pylock: Pylock, folder: PurePosixPath) -> dict[str, Offer]:
    """Return the wheels of every package by file name; raise MalformedError where one could not be trusted."""
    found: dict[str, Offer] = {}
    for package in pylock.packages:
        if package.is_direct or package.sdist is not None:
            msg = f"{package.name} is no wheel, and nothing but wheels is installed"
            raise MalformedError(msg)
        for wheel in package.wheels or ():
            offer = read_wheel_row(
                name=wheel.filename,
                sha256=wheel.hashes.get("sha256"),
                size_bytes=wheel.size,
                url=url_of(url=wheel.url, path=wheel.path, folder=folder),
            )
            if found.setdefault(offer.filename, offer) != offer:
                msg = f"{offer.filename} is there twice"
                raise MalformedError(msg)
    return found


def read_wheel_row(*, name: str, sha256: str | None, size_bytes: int | None, url: str) -> Offer:
    """Return one wheel, of no source yet; raise MalformedError for a bad name, and for a file without SHA-256."""
    if len(name) > MAX_NAME or set(name) & set("/\\\0") or not name.isprintable():
        msg = f"{name[:80]!r} is no file name"
        raise MalformedError(msg)
    if sha256 is None:
        msg = f"{name} has no SHA-256, and nothing is installed without"
        raise MalformedError(msg)
    if not _SHA256.fullmatch(sha256):
        msg = f"{name}: its SHA-256 is not 64 lower-case hexadecimal digits"
        raise MalformedError(msg)
    if size_bytes is not None and size_bytes < 0:
        msg = f"{name}: its size is {size_bytes}"
        raise MalformedError(msg)
    project, version, _, _ = parse_wheel_filename(name)
    return Offer(
        project=str(project), version=version, filename=name, url=url, source="", sha256=sha256, size_bytes=size_bytes
    )
