"""Everything that a report needs, in one file to send."""

from __future__ import annotations

import io
import json
import os
import zipfile
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ipexenv.errors import OutsideError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def refuse_existing(path: Path) -> None:
    """Raise UsageError where something is at ``path`` already: a report is never written over another file."""
    if os.path.lexists(path):
        raise UsageError(
            f"{path} is there already, and nothing is written over it",
            code="bundle-exists",
            hint="name another file, or remove it",
        )


def write_bundle(path: Path, report: str, data: Mapping[str, Any], last: str | None = None) -> None:
    """Write ``report.md``, ``report.json`` and the ``last`` failing command's output; all redacted already.

    The file appears whole or not at all, readable by its owner alone. Raises UsageError where there is one already,
    OutsideError where it cannot be written.
    """
    texts = {"report.md": report, "report.json": json.dumps(data, indent=2, ensure_ascii=False)}
    if last is not None:
        texts["last-failure.log"] = last
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in texts.items():
            archive.writestr(name, text.encode("utf-8", "backslashreplace"))  # a path may hold any bytes
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(packed.getvalue())
        _place(draft, path)
    except FileExistsError:
        refuse_existing(path)
        raise
    except OSError as error:
        raise OutsideError(
            f"cannot write {path}: {error.strerror or error}", code="cannot-write", hint="name another file"
        ) from None
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)


def _place(draft: Path, path: Path) -> None:
    """Give ``draft`` its name: by a link, which unlike a rename never replaces, where the file system has links."""
    try:
        os.link(draft, path)
    except FileExistsError:
        raise
    except OSError:
        refuse_existing(path)
        draft.replace(path)
