"""The rows ``[[tool.ipexenv.targets]]`` of a lock: what each kind of target gets."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, get_args

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from ipexenv.facts import LIBC_FAMILIES
from ipexenv.lock.model import LockedBridge, LockedPlatform, LockedTarget
from ipexenv.lock.places import url_of, usual_source
from ipexenv.lock.reading_wheels import read_wheel_row
from ipexenv.reading import MalformedError, Reader
from ipexenv.ruling import CclProvider
from ipexenv.tables.bridge import BRIDGE_PROJECT, is_bridge

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import PurePosixPath

    from packaging.version import Version

    from ipexenv.ruling import Offer

_WORD = re.compile(r"[A-Za-z0-9_.-]{1,64}")


def read_target(reader: Reader, wheels: Mapping[str, Offer], folder: PurePosixPath) -> LockedTarget:
    """Return one target; raise MalformedError where it names what is not there, or what no engine may be given."""
    ccl = Reader(reader.table("ccl"), where=f"{reader.where}: ccl")
    bridge = reader.maybe_table("bridge")
    target = LockedTarget(
        platform=_platform(reader),
        torch=reader.version("torch"),
        ccl=ccl.choice("provider", get_args(CclProvider)),  # type: ignore[arg-type]  # choice() checked it
        ccl_version=ccl.maybe_version("version"),
        bridge=None if bridge is None else _bridge(Reader(bridge, where=f"{reader.where}: bridge"), wheels, folder),
        pins=reader.texts("pins"),
        import_names=_import_names(reader),
        constraints=_constraints(reader),
        files=_files(reader, wheels),
    )
    ccl.finish()
    reader.finish()
    _refuse_contradictions(target, reader)
    return target


def _refuse_contradictions(target: LockedTarget, reader: Reader) -> None:
    there = {file.project for file in target.files} | ({BRIDGE_PROJECT} if target.bridge else set())
    if not {canonicalize_name(name) for name in target.pins} <= there:
        raise reader.wrong("pins", ", ".join(target.pins)[:80], "names of locked files")
    if BRIDGE_PROJECT in {file.project for file in target.files}:
        raise reader.wrong("files", BRIDGE_PROJECT, "no bridge among them: it is built where it is installed")
    if (target.ccl == "bridge") != (target.bridge is not None):
        raise reader.wrong("ccl", target.ccl, "a bridge where the provider is the bridge, and none elsewhere")


def _platform(reader: Reader) -> LockedPlatform:
    python = reader.version("python")
    words = {key: reader.text(key) for key in ("system", "architecture", "implementation")}
    for key, word in words.items():
        if not _WORD.fullmatch(word):
            raise reader.wrong(key, word[:80], "a word")
    if python.major != 3 or len(python.release) < 2 or python.base_version != str(python):  # noqa: PLR2004 (3.minor)
        raise reader.wrong("python", str(python)[:80], "a release of Python 3")
    return LockedPlatform(
        python=python,
        **words,
        free_threaded=reader.flag("free-threaded", default=False),
        libc_family=reader.choice("libc", LIBC_FAMILIES, "unknown"),  # type: ignore[arg-type]  # choice() checked it
        libc_version=reader.maybe_version("libc-version"),
    )


def _import_names(reader: Reader) -> tuple[str, ...]:
    names = reader.texts("import-names")
    for name in names:
        if not name.isidentifier():
            raise reader.wrong("import-names", name[:80], "names of modules")
    return names


def _constraints(reader: Reader) -> tuple[str, ...]:
    """Return the constraints, each a name with versions: a line that an engine takes for an option must not get in."""
    texts = reader.texts("constraints", ())
    for text in texts:
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            raise reader.wrong("constraints", text[:80], "names with versions") from None
        if requirement.url or requirement.marker or requirement.extras or not text.isprintable():
            raise reader.wrong("constraints", text[:80], "names with versions")
    return texts


def _files(reader: Reader, wheels: Mapping[str, Offer]) -> tuple[Offer, ...]:
    names = reader.texts("files")
    by_url = reader.texts("by-url", ())
    sources = _words(Reader(reader.maybe_table("sources") or {}, where=f"{reader.where}: sources"))
    yanked = _words(Reader(reader.maybe_table("yanked") or {}, where=f"{reader.where}: yanked"))
    found: dict[str, Offer] = {}
    for name in names:
        if name not in wheels:
            raise reader.wrong("files", name[:80], "names of files under packages")
        file = wheels[name]
        if file.project in found:
            raise reader.wrong("files", name[:80], f"one file of {file.project}")
        found[file.project] = replace(
            file,
            source=sources.get(file.project, usual_source(file.url)),
            configured=file.project not in by_url,
            yanked=yanked.get(file.project),
        )
    return tuple(found.values())


def _words(reader: Reader) -> dict[str, str]:
    return {key: _printable(reader, key) for key in reader.row}


def _printable(reader: Reader, key: str) -> str:
    text = reader.text(key)
    if not text.isprintable():
        raise reader.wrong(key, text[:80], "printable text")
    return text


def _bridge(reader: Reader, wheels: Mapping[str, Offer], folder: PurePosixPath) -> LockedBridge:
    version = reader.version("version")
    if not is_bridge(version):
        raise reader.wrong("version", str(version)[:80], "a version of the bridge")
    rows = [Reader(row, where=f"{reader.where}: parts") for row in reader.rows("parts")]
    bridge = LockedBridge(
        version=version, parts=tuple(_part(row, folder) for row in rows), wheel=_ready(reader, wheels, version)
    )
    reader.finish()
    return bridge


def _ready(reader: Reader, wheels: Mapping[str, Offer], version: Version) -> Offer | None:
    """Return the bridge's own wheel where the lock names one."""
    name = reader.maybe_text("wheel")
    if name is None:
        return None
    found = wheels.get(name)
    if found is None or (found.project, found.version) != (BRIDGE_PROJECT, version):
        raise reader.wrong("wheel", name[:80], f"the name of a wheel of the bridge {version} under packages")
    return replace(found, source=usual_source(found.url), configured=True)


def _part(reader: Reader, folder: PurePosixPath) -> Offer:
    url, path = reader.maybe_text("url"), reader.maybe_text("path")
    if (url is None) == (path is None):
        msg = f"{reader.where}: either url or path has to be there"
        raise MalformedError(msg)
    part = read_wheel_row(
        name=reader.text("name"),
        sha256=reader.maybe_text("sha256"),
        size_bytes=reader.maybe_integer("size"),
        url=url_of(url=url, path=path, folder=folder),
    )
    part = replace(
        part,
        source=usual_source(part.url) if "source" not in reader.row else _printable(reader, "source"),
        configured=not reader.flag("by-url", default=False),
    )
    reader.finish()
    return part
