"""RECORD: the list of a wheel's files with their hashes and sizes, and whether it tells the truth."""

from __future__ import annotations

import base64
import binascii
import csv
import hashlib
import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ipexenv.fetch.unsound import UnsoundError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from packaging.version import Version

    from ipexenv.fetch.archive import Member

_DIGEST_BYTES = {"sha256": 32, "sha384": 48, "sha512": 64}
"""What may vouch for a file: the specification wants SHA-256 or better."""
_SIGNATURES = ("RECORD.jws", "RECORD.p7s")
_COLUMNS = 3
_LOST_LABELS = (b"+cpu", *(b"+cu%d" % cuda for cuda in range(90, 140)))
_LABEL_BYTES = frozenset(len(label) for label in _LOST_LABELS)
_MOST_RELABELLED_BYTES = 1 << 16
_MOST_PLACES = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordEntry:
    """One line."""

    path: str
    algorithm: str | None
    """``sha256``, ``sha384`` or ``sha512``; None where the line gives no hash."""
    digest: bytes
    size_bytes: int | None


def read_record(raw: bytes) -> Mapping[str, RecordEntry]:
    """Return the lines by path; raise UnsoundError for what is no RECORD and for a path that is there twice."""
    entries: dict[str, RecordEntry] = {}
    try:
        for row in csv.reader(io.StringIO(raw.decode("utf-8"), newline=""), strict=True):
            if row:
                entry = _entry(row)
                if entry.path in entries:
                    raise UnsoundError(f"its RECORD lists {entry.path} twice")
                entries[entry.path] = entry
    except (UnicodeDecodeError, csv.Error) as error:
        raise UnsoundError(f"its RECORD cannot be read: {type(error).__name__}") from None
    return entries


def check_record(
    entries: Mapping[str, RecordEntry],
    members: Iterable[Member],
    *,
    info: str,
    relabelled: frozenset[str] = frozenset(),
) -> None:
    """Raise UnsoundError unless RECORD lists exactly the files that are there, each with its size and a hash.

    RECORD itself and its signatures may go without; folders are not listed. The sizes of ``relabelled`` files are known
    to differ.
    """
    bare = {f"{info}/{name}" for name in ("RECORD", *_SIGNATURES)}
    files = {member.name: member for member in members if not member.is_folder}
    for path in files.keys() - entries.keys() - {f"{info}/{name}" for name in _SIGNATURES}:
        raise UnsoundError(f"its RECORD does not list {path}")
    for path, entry in entries.items():
        member = files.get(path)
        if member is None:
            raise UnsoundError(f"its RECORD lists {path}, which is not there")
        if path in bare:
            continue
        if entry.algorithm is None:
            raise UnsoundError(f"its RECORD gives no hash for {path}")
        if path not in relabelled and entry.size_bytes not in {None, member.size_bytes}:
            raise UnsoundError(f"its RECORD gives {path} {entry.size_bytes} bytes, and it has {member.size_bytes}")


def _entry(row: list[str]) -> RecordEntry:
    if len(row) != _COLUMNS:
        raise UnsoundError(f"its RECORD has a line of {len(row)} columns: {','.join(row)}")
    path, hash_, size = row
    if size and not (size.isascii() and size.isdigit() and len(size) <= 18):  # noqa: PLR2004 (no file has more digits)
        raise UnsoundError(f"its RECORD gives {path} the size {size!r}")
    algorithm, _, encoded = hash_.partition("=")
    digest = _decoded(encoded)
    if hash_ and len(digest) != _DIGEST_BYTES.get(algorithm):
        raise UnsoundError(f"its RECORD gives {path} the hash {hash_!r}, which is none of SHA-256 or better")
    return RecordEntry(path=path, algorithm=algorithm or None, digest=digest, size_bytes=int(size) if size else None)


def _decoded(encoded: str) -> bytes:
    try:
        return base64.b64decode(encoded + "=" * (-len(encoded) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return b""


def is_relabelled(data: bytes, entry: RecordEntry, version: Version) -> bool:
    """Say whether RECORD tells the truth about ``data`` as it was before its version lost a label such as ``+cpu``.

    Every IPEX wheel on the public index has such a METADATA (1.12.300 to 2.8.0; 1.* such a version.py, too), and torch
    1.* as well: built as ``2.8.0+cpu`` or ``1.12.1+cu102``, renamed for publication, and nobody wrote RECORD anew. The
    recorded hash itself proves that this is all that differs.
    """
    if entry.algorithm is None:
        return False
    ends = [found.end() for found in re.finditer(re.escape(str(version)).encode(), data[:_MOST_RELABELLED_BYTES])]
    return any(
        hashlib.new(entry.algorithm, data[:end] + label + data[end:]).digest() == entry.digest
        for label in _LOST_LABELS
        if entry.size_bytes == len(data) + len(label)
        for end in ends[:_MOST_PLACES]
    )


def may_be_relabelled(entry: RecordEntry, member: Member) -> bool:
    """Say whether it is worth looking: the sizes differ by just such a label, and the file is a small one."""
    lost_bytes = (entry.size_bytes or 0) - member.size_bytes
    return member.size_bytes <= _MOST_RELABELLED_BYTES and lost_bytes in _LABEL_BYTES
