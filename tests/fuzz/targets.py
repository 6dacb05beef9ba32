"""What is fuzzed: each function takes any bytes, and raises only where ipexenv would be wrong about them."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from packaging.version import Version

from ipexenv.errors import OutsideError, UsageError
from ipexenv.fetch.staging import refuse_name
from ipexenv.fetch.wheel import read_wheel
from ipexenv.install.pages import JSON_TYPE, Link, PageError, offers, read_listing
from ipexenv.lock.places import place_of, url_of
from ipexenv.lock.reading import read_lock
from ipexenv.lock.writing import lock_text
from ipexenv.ruling import Offer
from ipexenv.system.http import Page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

PYTHON = Version("3.11.7")
PROJECTS = ("torch", "intel-extension-for-pytorch", "oneccl-bind-pt", "numpy", "demo")
KINDS = (JSON_TYPE, "text/html", "text/html; charset=latin-1", "text/html; charset=utf-16", "application/json", "")
BASES = ("https://a.test/simple/torch/", "http://a.test:81/x.html", "file:///srv/wheels/index.html")
STAGING = Path("/staging")
LOCKED = PurePosixPath("/project")
WHEEL = "demo-1.0-py3-none-any.whl"


def page(data: bytes) -> None:
    """Read a page of links, of the kind and from the place that the first byte says."""
    kind, base = KINDS[data[0] % len(KINDS)] if data else "", BASES[data[0] % len(BASES)] if data else BASES[0]
    try:
        listing = read_listing(Page(url=base, content_type=kind, body=data[1:]))
    except PageError:
        return
    for link in listing.links:
        assert " " not in link.url, link
        assert link.url.startswith(("http://", "https://", "file://" if base.startswith("file") else "http")), link
    _stay_below(offers(listing.links, projects=PROJECTS, source="a", configured=False, python=PYTHON))


def filename(data: bytes) -> None:
    """Take it for the name of a file that a page lists, and for the name that a URL ends with."""
    name = data.decode("utf-8", "surrogateescape")
    link = Link(filename=name, url="https://a.test/files/x.whl")
    project = name.partition("-")[0].lower().replace("_", "-").replace(".", "-")
    found = offers((link,), projects=(*PROJECTS, project), source="a", configured=False, python=PYTHON)
    _stay_below(found)
    with contextlib.suppress(ValueError):  # a lock is UTF-8, so that its names are
        url = url_of(url=None, path=data.decode("utf-8", "replace"), folder=LOCKED)
        assert url_of(**{"url": None, "path": None, **place_of(url, LOCKED)}, folder=LOCKED) == url, url


def wheel(data: bytes) -> None:
    """Read it as a wheel: every file of it has a place below a folder, and reading leaves no file anywhere."""
    project, version = "demo", Version("1.0")
    offer = Offer(project=project, version=version, filename=WHEEL, url="https://a.test/x.whl", source="a")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, WHEEL)
        path.write_bytes(data)
        with contextlib.suppress(OutsideError):
            for file in read_wheel(path, offer).files:
                _is_below(STAGING, file.destination.path)
        assert [entry.name for entry in Path(folder).iterdir()] == [WHEEL]


def lock(data: bytes) -> None:
    """Read it as a lock; one that is read is written again as one that says the same."""
    text = data.decode("utf-8", "replace")
    try:
        found = read_lock(text, where="pylock.toml", folder=LOCKED)
    except UsageError:
        return
    for target in found.targets:
        _stay_below(target.files)
        assert all(file.sha256 for file in target.files), target.files
    assert read_lock(lock_text(found, folder=LOCKED), where="pylock.toml", folder=LOCKED) == found


TARGETS: dict[str, Callable[[bytes], None]] = {"page": page, "filename": filename, "wheel": wheel, "lock": lock}
CORPUS = Path(__file__).parents[1] / "data" / "fuzz"
"""One folder of files a target: where to begin, and everything that once went wrong."""


def _stay_below(found: Iterable[Offer]) -> None:
    """Prove that whatever name gets past the check names a file in the very folder that it is put into."""
    for offer in found:
        with contextlib.suppress(OutsideError):
            refuse_name(offer.filename)
            assert (STAGING / offer.filename).parent == STAGING, offer.filename
            _is_below(STAGING, offer.filename)


def _is_below(folder: Path, name: str) -> None:
    parts = (folder / name).parts
    assert parts[: len(folder.parts)] == folder.parts, name
    assert not {"..", "."}.intersection(parts), name
    assert "\0" not in name, repr(name)
