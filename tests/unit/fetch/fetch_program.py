"""Fetch one file in a process of its own: ``fetch_program.py FOLDER URL SHA256 SIZE-or-0``; prints the error's code."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

from packaging.version import Version

from ipexenv.errors import OutsideError
from ipexenv.fetch.cache import Cache
from ipexenv.fetch.fetching import fetch_all
from ipexenv.fetch.limits import Limits
from ipexenv.ruling import Offer
from ipexenv.system.transfer import RequestsTransfer


def main(folder: str, url: str, sha256: str, size: str, most_bytes: str = "0") -> int:
    """Fetch, and say how it ended."""
    if int(most_bytes):
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(most_bytes), int(most_bytes)))
    offer = Offer(
        project="demo",
        version=Version("1.0"),
        filename=url.rpartition("/")[2],
        url=url,
        source="here",
        sha256=sha256,
        size_bytes=int(size) or None,
    )
    try:
        fetch_all(
            [offer],
            into=Path(folder) / "into",
            cache=Cache(folder=Path(folder).parent / "shared" if not int(most_bytes) else Path(folder) / "cache"),
            transfer=RequestsTransfer(),
            limits=Limits(piece_bytes=10_000, connections=2),
        )
    except OutsideError as error:
        sys.stdout.write(f"{error.code}\n")
        return 3
    sys.stdout.write("done\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
