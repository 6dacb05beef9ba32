"""The digest of the bridge's payload, and its place in the table: ``python -m tests.payload_record`` writes it."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.version import Version

from ipexenv.bridge.own_files import own_files

if TYPE_CHECKING:
    from collections.abc import Mapping

TABLE = Path(__file__).parent.parent / "compat" / "bridge.toml"

_LINE = re.compile(r'^payload_sha256 = "[0-9a-f]{64}"$', re.MULTILINE)


def payload_sha256() -> str:
    """Return the digest of the payload in the source tree, whatever version will be written into it."""
    return digest(own_files(Version("0")))


def digest(files: Mapping[str, bytes]) -> str:
    """Return one digest of files by their names: of the list of names and digests that ``sha256sum`` would print."""
    lines = (f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in sorted(files.items()))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def recorded(table: str, sha256: str) -> str:
    """Return the table with the digest in its newest row, which stands last."""
    *_, last = _LINE.finditer(table)
    return f'{table[: last.start()]}payload_sha256 = "{sha256}"{table[last.end() :]}'


if __name__ == "__main__":
    TABLE.write_text(recorded(TABLE.read_text(encoding="utf-8"), payload_sha256()), encoding="utf-8")
