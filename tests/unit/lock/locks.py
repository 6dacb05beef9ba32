"""Made-up locks, small ones and any that could be."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st
from packaging.utils import canonicalize_name
from packaging.version import Version

from ipexenv.lock.model import Lock, LockedBridge, LockedPlatform, LockedTarget
from ipexenv.ruling import Offer
from ipexenv.tables.bridge import BRIDGE_PROJECT

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

FOLDER = PurePosixPath("/home/me/project")
TABLES = "sha256:" + "a" * 64
LINUX = "manylinux_2_28_x86_64"


def wheel(name: str, version: str, tag: str = "py3-none-any", **more: Any) -> Offer:
    filename = f"{name}-{version}-{tag}.whl"
    given: dict[str, Any] = {
        "url": f"https://files.test/{filename.replace('+', '%2B')}",
        "source": "files.test",
        "sha256": f"{sum(filename.encode()):064x}",
        "size_bytes": 1000,
        "configured": True,
    }
    return Offer(project=canonicalize_name(name), version=Version(version), filename=filename, **{**given, **more})


def platform(minor: str = "3.11", **more: Any) -> LockedPlatform:
    given: dict[str, Any] = {"system": "linux", "architecture": "x86_64", "libc_family": "glibc"}
    return LockedPlatform(python=Version(f"{minor}.7"), libc_version=Version("2.36"), **{**given, **more})


PARTS = (wheel("oneccl", "2022.2.0", f"py2.py3-none-{LINUX}"), wheel("impi_rt", "2021.18.0", f"py2.py3-none-{LINUX}"))
BRIDGE = LockedBridge(version=Version("2022.2.0+ipexenv.bridge.1"), parts=PARTS)


def target(minor: str = "3.11", *, bridge: LockedBridge | None = None, **more: Any) -> LockedTarget:
    tag = f"cp{minor.replace('.', '')}"
    files = (
        wheel("numpy", "1.26.4", f"{tag}-{tag}-{LINUX}"),
        wheel("torch", "2.8.0+cpu", f"{tag}-{tag}-{LINUX}", configured=False, source="pytorch-cpu"),
        wheel("typing_extensions", "4.16.0"),
    )
    given: dict[str, Any] = {
        "platform": platform(minor),
        "torch": Version("2.8.0+cpu"),
        "ccl": "none" if bridge is None else "bridge",
        "ccl_version": None if bridge is None else bridge.version,
        "bridge": bridge,
        "pins": ("torch",) if bridge is None else ("torch", BRIDGE_PROJECT),
        "import_names": ("torch",),
        "constraints": ("numpy<2",),
        "files": files,
    }
    return LockedTarget(**{**given, **more})


def lock(*targets: LockedTarget) -> Lock:
    return Lock(created_by="ipexenv 0.1.0", stack="native", tables=TABLES, targets=targets or (target(),))


_NAMES = st.from_regex(r"[a-z][a-z0-9]{0,8}(_[a-z0-9]{1,4}){0,2}", fullmatch=True)
_VERSIONS = st.from_regex(
    r"[0-9]{1,3}(\.[0-9]{1,3}){0,3}((a|b|rc)[0-9])?(\.post[0-9])?(\+[a-z0-9]{1,4})?", fullmatch=True
)
_TAGS = st.sampled_from(["py3-none-any", f"cp311-cp311-{LINUX}", f"py2.py3-none-{LINUX}", "cp38-abi3-linux_x86_64"])
_PLACES = st.sampled_from(
    ["https://files.test/", "http://127.0.0.1:8080/a%20b/", "file:///home/me/project/wheels/", "file:///srv/caf%C3%A9/"]
)
_WORDS = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=12)


@st.composite
def _files(draw: st.DrawFn, name: str) -> Offer:
    version = str(Version(draw(_VERSIONS)))
    filename = f"{name}-{version}-{draw(_TAGS)}.whl"
    return wheel(
        name,
        version,
        filename.removesuffix(".whl").removeprefix(f"{name}-{version}-"),
        url=draw(_PLACES) + filename.replace("+", "%2B"),
        source=draw(_WORDS),
        sha256=draw(st.from_regex(r"[0-9a-f]{64}", fullmatch=True)),
        size_bytes=draw(st.none() | st.integers(0, 1 << 40)),
        yanked=draw(st.none() | _WORDS | st.just("")),
        configured=draw(st.booleans()),
    )


@st.composite
def _targets(draw: st.DrawFn, where: LockedPlatform) -> LockedTarget:
    names = draw(st.lists(_NAMES, max_size=4, unique_by=canonicalize_name))
    files = tuple(sorted((draw(_files(name)) for name in names), key=lambda file: file.project))
    bridge = draw(st.none() | st.just(BRIDGE))
    pins = (*(file.project for file in files[:2]), *((BRIDGE_PROJECT,) if bridge else ()))
    return target(
        bridge=bridge,
        platform=where,
        files=files,
        pins=pins,
        constraints=draw(st.sampled_from([(), ("numpy<2",), ("numpy<2,>=1.20", "setuptools<81")])),
    )


@st.composite
def any_lock(draw: st.DrawFn) -> Lock:
    """Return any lock that ``make_lock`` could make: no two files of one name and different content."""
    minors = draw(st.lists(st.sampled_from(["3.8", "3.10", "3.11", "3.13"]), min_size=1, max_size=3, unique=True))
    targets: list[LockedTarget] = []
    seen: dict[str, Offer] = {}
    for minor in minors:
        made = draw(_targets(platform(minor, free_threaded=draw(st.booleans()))))
        files = tuple(seen.setdefault(file.filename, file) for file in made.files)
        targets.append(target(**{**_fields(made), "files": files}))
    return lock(*targets)


def _fields(made: LockedTarget) -> dict[str, Any]:
    return {name: getattr(made, name) for name in LockedTarget.__slots__}


def texts() -> SearchStrategy[str]:
    """Return texts that are anything but locks."""
    return st.text(max_size=200)
