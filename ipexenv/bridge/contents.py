"""What is in the bridge's wheel, besides the files themselves: its metadata, and that of the name it stands in for.

Formats: PyPA's "binary distribution format", "core metadata" 2.4, "entry points", "recording installed projects". Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ipexenv.bridge.own_files import BACKEND
from ipexenv.tables.bridge import BRIDGE_PROJECT, STAND_IN

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ipexenv.tables.bridge import BridgeRelease

_LICENCES = "licenses/"


def contents(release: BridgeRelease, own: Mapping[str, bytes], taken: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return everything that the wheel holds by its place in it, without the record of it.

    ``own`` are the payload's files by their place in the wheel, ``taken`` Intel's by their place below the backend's
    package. Licences lie both there, beside what they are for, and where tools look for them.
    """
    info = info_folder(release)
    packages = {**own, **{f"{BACKEND}/{place}": content for place, content in taken.items()}}
    licences = {
        place.removeprefix(f"{BACKEND}/"): content
        for place, content in packages.items()
        if place.startswith(f"{BACKEND}/{_LICENCES}")
    }
    return {
        **packages,
        **{f"{info}/{place}": content for place, content in licences.items()},
        f"{info}/METADATA": _metadata(release, licences).encode(),
        f"{info}/WHEEL": _wheel(release).encode(),
        f"{info}/entry_points.txt": f"[torch.backends]\nccl = {BACKEND}:autoload\n".encode(),
        **_stand_in(release),
    }


def stem(release: BridgeRelease) -> str:
    """Return the name and version that the wheel's file name and folders begin with."""
    return f"{BRIDGE_PROJECT.replace('-', '_')}-{release.version}"


def info_folder(release: BridgeRelease) -> str:
    """Return the wheel's metadata folder."""
    return f"{stem(release)}.dist-info"


def file_name(release: BridgeRelease) -> str:
    """Return the wheel's file name."""
    return release.filename


def _metadata(release: BridgeRelease, licences: Iterable[str]) -> str:
    parts = ", ".join(f"{part.project} {part.version}" for part in release.parts)
    lines = [
        "Metadata-Version: 2.4",
        f"Name: {BRIDGE_PROJECT}",
        f"Version: {release.version}",
        "Summary: ipexenv's ccl backend for torch.distributed over Intel oneCCL; not Intel's oneccl_bind_pt",
        "License-Expression: Apache-2.0 AND LicenseRef-Intel-Simplified-Software-License",
        *(f"License-File: {place.removeprefix(_LICENCES)}" for place in sorted(licences)),
        f"Requires-Python: {release.python}",
        f"Requires-Dist: torch{release.torch}",
    ]
    text = (
        "Made by ipexenv on this machine, and published nowhere. The library files are Intel's, unchanged, from the\n"
        f"package index's wheels of {parts}; everything else is ipexenv's.\n"
    )
    return "\n".join(lines) + f"\n\n{text}"


def _wheel(release: BridgeRelease) -> str:
    # The generator without its version: same parts, same bytes.
    tag = f"py3-none-{release.platform}"
    return f"Wheel-Version: 1.0\nGenerator: ipexenv\nRoot-Is-Purelib: false\nTag: {tag}\n"


def _stand_in(release: BridgeRelease) -> dict[str, bytes]:
    """Return the metadata by which transformers and accelerate find the bindings.

    It has no RECORD, so that pip neither removes nor replaces by itself what belongs to the bridge, and names who can;
    without WHEEL, `uv pip check` calls it broken.
    """
    folder = f"{stem(release)}.data/purelib/{STAND_IN}-{release.version}.dist-info"
    metadata = (
        "Metadata-Version: 2.1\n"
        f"Name: {STAND_IN}\n"
        f"Version: {release.version}\n"
        f"Summary: Not Intel's bindings: {BRIDGE_PROJECT} stands in for them\n"
        f"Requires-Dist: {BRIDGE_PROJECT}=={release.version}\n"
    )
    files = {"METADATA": metadata, "WHEEL": _wheel(release), "INSTALLER": f"{BRIDGE_PROJECT}\n"}
    return {f"{folder}/{name}": text.encode() for name, text in files.items()}
