"""Everything that a report needs, in one file to send."""

from __future__ import annotations

import json
import zipfile
from typing import TYPE_CHECKING, Any

from ipexenv.errors import OutsideError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def write_bundle(path: Path, data: Mapping[str, Any], report: str) -> None:
    """Write ``report.md`` and ``report.json``; both must be redacted already. Raises OutsideError."""
    draft = path.with_name(f".{path.name}.part")
    try:
        with zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("report.md", report)
            archive.writestr("report.json", json.dumps(data, indent=2, ensure_ascii=False))
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise OutsideError(
            f"cannot write {path}: {error.strerror or error}", code="cannot-write", hint="name another file"
        ) from None
