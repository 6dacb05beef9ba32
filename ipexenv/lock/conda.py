"""A locked target as a conda ``environment.yml``: Python and pip from conda, everything else exactly as locked."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ipexenv.lock.exporting import bridge_comment, requirement_of

if TYPE_CHECKING:
    from ipexenv.lock.model import LockedTarget

_INDENT = " " * 6


def conda_text(target: LockedTarget, *, lock_name: str, name: str = "ipexenv") -> str:
    """Return the text of ``environment.yml`` for an environment called ``name``.

    conda hands the list under ``pip`` to pip as a requirements file, where options and hashes may stand.
    """
    python = f"{target.platform.python.major}.{target.platform.python.minor}"
    lines = [
        f"# {target.platform.words}: made from {lock_name}. Make it with `conda env create -f FILE`.",
        *(f"# {line}" for line in bridge_comment(target, lock_name)),
        f"name: {_quoted(name)}",
        "channels:",
        "  - conda-forge",
        "  - nodefaults",
        "dependencies:",
        f"  - {_quoted(f'python={python}.*')}",
        *(["  - python-freethreading"] if target.platform.free_threaded else []),
        "  - pip",
        "  - pip:",
        f"{_INDENT}- {_quoted('--require-hashes')}",
        f"{_INDENT}- {_quoted('--only-binary :all:')}",
        *(f"{_INDENT}- {_quoted(requirement_of(file))}" for file in target.files),
    ]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """Return a YAML scalar; JSON strings are such, and ``:all:`` unquoted would be the key of a mapping."""
    return json.dumps(text)
