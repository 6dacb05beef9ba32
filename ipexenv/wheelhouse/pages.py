"""The pages by which a folder of wheels is an index (PEP 503, 658) and a find-links page. Pure: texts out.

All links are relative: any static file server may serve the folder, under any address.
"""

from __future__ import annotations

import html
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ipexenv.ruling import Offer

_HEAD = '<!DOCTYPE html>\n<html>\n<head>\n<meta charset="utf-8">\n{meta}<title>{title}</title>\n</head>\n<body>\n'
_FOOT = "</body>\n</html>\n"
_INDEX_MARK = '<meta name="pypi:repository-version" content="1.0">\n'


def pages(files: Sequence[Offer], metadata: Mapping[str, str]) -> dict[str, str]:
    """Return the text of every page by its path in the folder.

    ``metadata`` maps names of wheels to the SHA-256 of ``NAME.metadata``, which lies beside each: whoever only decides
    need not fetch the wheel.
    """
    by_project: dict[str, list[Offer]] = {}
    for file in files:
        by_project.setdefault(file.project, []).append(file)
    found = {
        "index.html": _page("wheels", (_link(file, "", metadata) for file in files), is_index=False),
        "simple/index.html": _page("projects", (f'<a href="{name}/">{name}</a><br>' for name in sorted(by_project))),
    }
    for project, listed in by_project.items():
        links = (_link(file, "../../", metadata) for file in listed)
        found[f"simple/{project}/index.html"] = _page(project, links)
    return found


def sums_text(files: Iterable[Offer]) -> str:
    """Return ``SHA256SUMS``, as `sha256sum --check` reads it."""
    return "".join(f"{file.sha256}  {file.filename}\n" for file in files)


def _page(title: str, lines: Iterable[str], *, is_index: bool = True) -> str:
    head = _HEAD.format(title=html.escape(title), meta=_INDEX_MARK if is_index else "")
    return head + "".join(f"{line}\n" for line in lines) + _FOOT


def _link(file: Offer, above: str, metadata: Mapping[str, str]) -> str:
    digest = metadata.get(file.filename)
    # The name of PEP 714, and the one before it, which older pips know.
    described = "".join(f' {key}="sha256={digest}"' for key in ("data-core-metadata", "data-dist-info-metadata"))
    yanked = "" if file.yanked is None else f' data-yanked="{html.escape(file.yanked)}"'
    address = f"{above}{quote(file.filename)}#sha256={file.sha256}"
    return f'<a href="{address}"{described if digest else ""}{yanked}>{html.escape(file.filename)}</a><br>'
