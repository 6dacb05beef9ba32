"""One digest over all tables, so that a lock can say by which ones it was decided."""

from __future__ import annotations

import hashlib
from pathlib import Path


def tables_digest(origin: str) -> str:
    """Return ``sha256:…`` over the names and bytes of the tables in the folder ``origin`` (``Tables.origin``)."""
    digest = hashlib.sha256()
    for file in sorted(Path(origin).glob("*.toml"), key=lambda file: file.name):
        data = file.read_bytes()
        digest.update(f"{file.name}\0{len(data)}\0".encode())
        digest.update(data)
    return f"sha256:{digest.hexdigest()}"
