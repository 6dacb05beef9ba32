"""Refuse a tag that is not the version in pyproject.toml and in the package itself."""

# ruff: noqa: INP001 (a script of a workflow)

import re
import sys
from pathlib import Path

PLACES = {"pyproject.toml": r'^version = "(.+)"$', "ipexenv/__init__.py": r'^__version__ = "(.+)"$'}

tag = sys.argv[1]
for name, pattern in PLACES.items():
    found = re.search(pattern, Path(name).read_text(encoding="utf-8"), re.MULTILINE)
    if found is None or tag != f"v{found[1]}":
        sys.exit(f"::error title=release::the tag {tag} is not the version {found and found[1]} in {name}")
