"""Write a wheel whose bytes depend on nothing but what is in it."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_DATE = (2020, 1, 1, 0, 0, 0)
_MODE = 0o100644
_UNIX = 3


def write_wheel(path: Path, contents: Mapping[str, bytes], *, info: str) -> None:
    """Write the wheel ``path`` with ``contents`` and the record of them in its metadata folder ``info``.

    Same contents, same bytes, on every machine: names are sorted, metadata last as the format recommends, dates and
    modes fixed, and nothing is compressed, since compressors differ from one zlib to the next.
    """
    record = f"{info}/RECORD"
    lines = [f"{name},sha256={_digest(content)},{len(content)}\n" for name, content in sorted(contents.items())]
    whole = {**contents, record: "".join([*lines, f"{record},,\n"]).encode()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(whole, key=lambda name: (name.startswith(f"{info}/"), name)):
            item = zipfile.ZipInfo(name, date_time=_DATE)
            item.create_system = _UNIX
            item.external_attr = _MODE << 16
            archive.writestr(item, whole[name])


def _digest(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")
