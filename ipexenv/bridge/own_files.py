"""The part of the bridge that is ipexenv's own, as it lies in the installed package."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ipexenv.errors import IpexenvError

if TYPE_CHECKING:
    from packaging.version import Version

PAYLOAD = Path(__file__).parent / "payload"

BACKEND = "ipexenv_oneccl_bridge"
"""Package of the backend: what ``torch.backends`` names, and where the libraries lie."""

_SOURCE_VERSION = b'__version__ = "0+ipexenv.bridge.source"'
_SUFFIXES = frozenset({".py", ".sh"})
_LICENCE = "LICENSE"
_EXPECTED = (
    f"{BACKEND}/__init__.py",
    f"{BACKEND}/licenses/ipexenv/{_LICENCE}",
    "oneccl_bindings_for_pytorch/__init__.py",
    "oneccl_bindings_for_pytorch/env/setvars.sh",
)


def own_files(version: Version, payload: Path = PAYLOAD) -> dict[str, bytes]:
    """Return the content of the payload's files by their place in the wheel, with ``version`` written into them.

    Raises IpexenvError where the installed package does not have them all.
    """
    found = {
        path.relative_to(payload).as_posix(): path.read_bytes()
        for path in sorted(payload.glob("*/**/*"))
        if path.is_file() and (path.suffix in _SUFFIXES or path.name == _LICENCE)
    }
    absent = [name for name in _EXPECTED if name not in found]
    stamped = f"{BACKEND}/__init__.py"
    if absent or found[stamped].count(_SOURCE_VERSION) != 1:
        raise IpexenvError(
            "this installation of ipexenv is incomplete: the bridge cannot be made from it",
            code="no-payload",
            causes=tuple(f"{payload / name} is missing" for name in absent)
            or (f"{stamped} has no version to replace",),
            hint="install ipexenv again",
        )
    found[stamped] = found[stamped].replace(_SOURCE_VERSION, f'__version__ = "{version}"'.encode())
    return found
