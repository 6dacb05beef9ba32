"""Every distribution that is installed in a folder: version, and the exact file where an engine recorded one."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from ipexenv.install.addresses import is_local, is_web
from ipexenv.probe.distributions import parse_metadata
from ipexenv.system.files import list_names, read_text, read_until

if TYPE_CHECKING:
    from collections.abc import Iterator

_LIMIT_BYTES = 1 << 18
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Distribution:
    """One installed distribution."""

    name: str
    """Normalised."""
    version: Version
    """As its metadata says."""
    url: str | None = None
    """The wheel that it came from, where it was asked for by URL (PEP 610)."""
    sha256: str | None = None


def installed_distributions(site_packages: str | None) -> dict[str, Distribution]:
    """Return the distributions in a folder by normalised name; those without readable metadata do not count."""
    found = _distributions(site_packages) if site_packages else iter(())
    return {distribution.name: distribution for distribution in found}


def _distributions(folder: str) -> Iterator[Distribution]:
    for entry in list_names(folder):
        if not entry.endswith(".dist-info"):
            continue
        data = read_until(f"{folder}/{entry}/METADATA", b"\n\n", limit_bytes=_LIMIT_BYTES) or b""
        headers = parse_metadata(data.decode("utf-8", "replace"))
        try:
            version = Version(headers.get("version", ""))
        except InvalidVersion:
            continue
        if headers.get("name"):
            url, sha256 = _origin(read_text(f"{folder}/{entry}/direct_url.json"))
            yield Distribution(name=canonicalize_name(headers["name"]), version=version, url=url, sha256=sha256)


def _origin(text: str | None) -> tuple[str | None, str | None]:
    """Return URL and SHA-256 of the wheel in ``direct_url.json``; no other origin can be had a second time."""
    try:
        row = json.loads(text or "null")
    except (ValueError, RecursionError):
        return None, None
    archive = row.get("archive_info") if isinstance(row, dict) else None
    url = row.get("url") if isinstance(row, dict) else None
    if not isinstance(archive, dict) or not isinstance(url, str) or not (is_web(url) or is_local(url)):
        return None, None
    hashes = archive.get("hashes")
    older = archive.get("hash")
    sha256 = hashes.get("sha256") if isinstance(hashes, dict) else None
    if sha256 is None and isinstance(older, str) and older.startswith("sha256="):
        sha256 = older.removeprefix("sha256=")
    if not url.partition("#")[0].endswith(".whl"):
        return None, None
    known = isinstance(sha256, str) and _SHA256.fullmatch(sha256)
    return url, sha256.lower() if known and isinstance(sha256, str) else None
