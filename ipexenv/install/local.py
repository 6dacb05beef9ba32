"""What lies on this machine: a folder of wheels, a saved page of links, or an index kept as folders."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ipexenv.install.pages import Link, PageError, read_listing
from ipexenv.system.http import Page

if TYPE_CHECKING:
    from collections.abc import Iterator

_PAGE_ENDINGS = (".html", ".htm")


def local_listing(address: str, *, projects: tuple[str, ...]) -> Iterator[Link]:
    """Yield the files at ``address``: those in the folder, on its page, and in its folders named after ``projects``.

    Raises OSError where it cannot be read and PageError where it is neither a folder nor a page.
    """
    place = Path(address)
    if place.is_dir():
        yield from _in_folder(place)
        for project in projects:
            if (place / project).is_dir():
                yield from _in_folder(place / project)
    elif place.suffix in _PAGE_ENDINGS:
        yield from _on_page(place)
    elif place.exists():
        raise PageError("it is neither a folder nor an HTML page")
    else:
        raise FileNotFoundError(2, "no such file or folder", address)


def _in_folder(folder: Path) -> Iterator[Link]:
    page = folder / "index.html"
    if page.is_file():
        yield from _on_page(page)
    for file in sorted(folder.glob("*.whl")):
        yield Link(filename=file.name, url=file.resolve().as_uri(), size_bytes=file.stat().st_size)


def _on_page(file: Path) -> Iterator[Link]:
    page = Page(url=file.resolve().as_uri(), content_type="text/html", body=file.read_bytes())
    yield from read_listing(page).links
