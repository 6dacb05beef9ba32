"""Hold files that an engine, a lock or a source names to the SHA-256 that the tables know of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from ipexenv.errors import OutsideError
from ipexenv.tables.bridge import BRIDGE_PROJECT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ipexenv.ruling import Offer
    from ipexenv.tables.schema import Tables


def hold_to_known(files: Iterable[Offer], tables: Tables, *, require_known: bool = False) -> tuple[Offer, ...]:
    """Return the files, each of a known name with the known SHA-256 where its source tells none.

    With ``require_known``, torch, IPEX and the ccl backend have to be known and every other file has to have a SHA-256;
    a ready-made bridge passes by its name, and is to be proven with ``refuse_foreign_bridge`` when it is here.
    Raises OutsideError (``wrong-file``, ``unknown-file``, ``no-known-hash``) that names the first that does not hold.
    """
    names = [*(row.package for row in tables.ipex), *(row.package for row in tables.oneccl), BRIDGE_PROJECT, "torch"]
    guarded = {canonicalize_name(name) for name in names}
    makeable = {release.filename for release in tables.bridge}
    held = tuple(_held(file, tables) for file in files)
    for file in held if require_known else ():
        if file.filename in makeable:
            continue
        if file.sha256 is None:
            raise _unusable(file, "no-known-hash", "nothing says which SHA-256 it must have")
        if file.project in guarded and tables.known.get(file.filename) is None:
            raise _unusable(file, "unknown-file", "its SHA-256 stands in no table, and --require-known was given")
    return held


def _held(file: Offer, tables: Tables) -> Offer:
    known = tables.known.get(file.filename)
    if known is None:
        return file
    if file.sha256 not in {None, known.sha256}:
        text = f"it has the SHA-256 {file.sha256}, and the published file of that name has {known.sha256}"
        raise _unusable(file, "wrong-file", text)
    return replace(file, sha256=known.sha256, size_bytes=known.size_bytes)


def _unusable(file: Offer, code: str, cause: str) -> OutsideError:
    return OutsideError(
        f"{file.filename} of {file.source} is not taken",
        code=code,
        causes=(cause, "nothing was changed"),
        hint="name a source that has the published file with `--source URL-or-DIR`"
        if code == "wrong-file"
        else "leave out `--require-known`, or name another source with `--source URL-or-DIR`",
        data={"changed": False},
    )
