"""Make the bridge's wheel on the spot, from ipexenv's own files and Intel's."""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ipexenv.bridge.contents import contents, file_name, info_folder
from ipexenv.bridge.own_files import own_files
from ipexenv.bridge.taking import Line, take_files
from ipexenv.bridge.wheel_file import write_wheel
from ipexenv.errors import OutsideError
from ipexenv.events import Event
from ipexenv.system.http import USUAL_ACCESS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ipexenv.events import Listener
    from ipexenv.outcome import Offer
    from ipexenv.system.http import Access, Http
    from ipexenv.tables.bridge import BridgeRelease


@dataclass(frozen=True, kw_only=True, slots=True)
class BuiltWheel:
    """A wheel that was made here."""

    path: Path
    sha256: str
    size_bytes: int


def _usual(_url: str) -> Access:
    return USUAL_ACCESS


def build_wheel(  # noqa: PLR0913 (what to make, of what, where, and the outside world)
    release: BridgeRelease,
    parts: Sequence[Offer],
    folder: Path,
    *,
    http: Http,
    listen: Listener,
    access: Callable[[str], Access] = _usual,
) -> BuiltWheel:
    """Make the wheel of ``release`` in ``folder`` and return where it is; same release, same bytes.

    ``parts`` are the offers of the wheels that it is made of; of several for one wheel the first that works is taken.
    ``access`` returns how to get through to a URL's server. Raises OutsideError where a part cannot be had or is not
    the recorded one, or ``folder`` cannot be written; nothing half-made is left then.
    """
    try:
        with tempfile.TemporaryDirectory(prefix="bridge-", dir=folder) as scratch:
            line = Line(http=http, access=access, scratch=Path(scratch), listen=listen)
            own = own_files(release.version)
            taken: dict[str, bytes] = {}
            for part in release.parts:
                taken |= take_files(part, parts, line)
            wheel = Path(scratch) / file_name(release)
            write_wheel(wheel, contents(release, own, taken), info=info_folder(release))
            content = wheel.read_bytes()
            wheel.replace(folder / wheel.name)
    except OSError as error:
        raise OutsideError(
            "the bridge's wheel cannot be written",
            code="bridge-not-written",
            causes=(f"{folder}: {error.strerror or type(error).__name__}",),
            hint="free some space there, or name another folder for temporary files with TMPDIR",
        ) from None
    built = BuiltWheel(path=folder / wheel.name, sha256=hashlib.sha256(content).hexdigest(), size_bytes=len(content))
    listen(Event(kind="detail", text=f"made {built.path.name}, {built.size_bytes} bytes"))
    return built
