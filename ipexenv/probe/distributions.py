"""Find installed distributions by their metadata directories, without importing or asking pip.

Layouts: PyPA's "recording installed projects" (``*.dist-info``), setuptools' older ``*.egg-info`` directories and files
that conda and Debian still make.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from ipexenv.facts import Package
from ipexenv.system.files import list_names, read_text, read_until
from ipexenv.tables.bridge import BRIDGE_PROJECT, is_bridge

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ipexenv.probe.learnt import Learnt

_LIMIT_BYTES = 1 << 18
_SUFFIXES = (".dist-info", ".egg-info")
_LEFTOVER = "~"
"""pip renames what it is about to remove: ``torch`` becomes ``~orch``."""


def find_distributions(path: Sequence[str], names: Mapping[str, str], learnt: Learnt) -> dict[str, Package]:
    """Return the distribution that an import would use for each of ``names`` that is installed.

    ``names`` maps normalised project names (PEP 503) to the name of the fact that notes are made under.
    The first directory of ``path`` that has one wins, as in importing; of several in one directory the newest. What
    is broken is noted in ``learnt`` and left out, and so is the metadata that the bridge brings under another name, for
    the libraries that look there: it counts as the bridge alone.
    """
    found: dict[str, Package] = {}
    for folder in path:
        here: dict[str, Package] = {}
        for entry in list_names(folder):
            if entry.startswith(_LEFTOVER):
                _note_leftover(folder, entry, names, learnt)
            name = _project(entry)
            if name is None or name not in names:
                continue
            package = _package(folder, entry, name, names[name], learnt)
            if package is not None and not _is_alias(name, package, names[name], learnt):
                _keep_newest(here, name, package, names[name], learnt)
        found = {**here, **found}
    return found


def parse_metadata(text: str) -> dict[str, str]:
    """Return the first value of each header, by lower-case name; folded lines and the description are left out."""
    headers: dict[str, str] = {}
    for line in text.splitlines():
        if not line.strip():
            break
        key, colon, value = line.partition(":")
        if colon and not key[:1].isspace():
            headers.setdefault(key.strip().lower(), value.strip())
    return headers


def _project(entry: str) -> str | None:
    """Return the normalised project name of a metadata directory's name, None where it is none."""
    stem = next((entry.removesuffix(suffix) for suffix in _SUFFIXES if entry.endswith(suffix)), None)
    if not stem:
        return None
    return canonicalize_name(re.split(r"-(?=\d)", stem, maxsplit=1)[0])


def _package(folder: str, entry: str, name: str, fact: str, learnt: Learnt) -> Package | None:
    headers = _headers(f"{folder}/{entry}")
    if headers is None:
        learnt.note(f"installed.{fact}", f"{folder}/{entry} has no readable METADATA and does not count")
        return None
    in_name = re.split(r"-(?=\d)", entry, maxsplit=1)[1:]
    candidates = [headers.get("version", ""), *(text.rpartition(".")[0].partition("-")[0] for text in in_name)]
    version = next((version for text in candidates if (version := _version(text)) is not None), None)
    if version is None:
        learnt.note(f"installed.{fact}", f"{folder}/{entry} names no version and does not count")
        return None
    installer = read_text(f"{folder}/{entry}/INSTALLER")
    learnt.note(f"installed.{fact}", f"{folder}/{entry}")
    return Package(
        name=headers.get("name") or name, version=version, installer=(installer or "").lower() or None, location=folder
    )


def _headers(path: str) -> dict[str, str] | None:
    for file in (f"{path}/METADATA", f"{path}/PKG-INFO", path):
        data = read_until(file, b"\n\n", limit_bytes=_LIMIT_BYTES)
        if data is not None:
            return parse_metadata(data.decode("utf-8", "replace"))
    return None


def _version(text: str) -> Version | None:
    try:
        return Version(text)
    except InvalidVersion:
        return None


def _is_alias(name: str, package: Package, fact: str, learnt: Learnt) -> bool:
    """Say whether it is the bridge's metadata under the name of Intel's bindings, and note that."""
    if name == BRIDGE_PROJECT or not is_bridge(package.version):
        return False
    learnt.note(f"installed.{fact}", "the bridge brings it, so it does not count")
    return True


def _keep_newest(here: dict[str, Package], name: str, package: Package, fact: str, learnt: Learnt) -> None:
    other = here.get(name)
    if other is not None:
        learnt.note(f"installed.{fact}", f"two of it in {package.location}: {other.version} and {package.version}")
    if other is None or other.version < package.version:
        here[name] = package


def _note_leftover(folder: str, entry: str, names: Mapping[str, str], learnt: Learnt) -> None:
    """Note what pip left of a removal that was cut off; it hides the first letter, so only the rest can be compared."""
    rest = canonicalize_name((_project(entry) or entry).lstrip(_LEFTOVER))
    for name, fact in names.items():
        if rest and name.endswith(rest) and len(name) - len(rest) <= 1:
            learnt.note(f"installed.{fact}", f"{folder}/{entry} is left over from a removal that was cut off")
