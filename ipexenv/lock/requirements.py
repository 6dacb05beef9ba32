"""A locked target as files that pip and uv read: requirements with hashes, and constraints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ipexenv.lock.exporting import bridge_comment, requirement_of
from ipexenv.tables.bridge import BRIDGE_PROJECT

if TYPE_CHECKING:
    from ipexenv.lock.model import LockedTarget


def requirements_text(target: LockedTarget, *, lock_name: str) -> str:
    """Return ``requirements.txt`` with every distribution and its hash, for ``--require-hashes``.

    It is complete: it installs the same with ``--no-deps``.
    """
    lines = [
        f"# {target.platform.words}: every distribution of {lock_name}, dependencies included. Install with",
        "# `pip install --require-hashes -r FILE` or `uv pip install --require-hashes -r FILE`.",
        *(f"# {line}" for line in bridge_comment(target, lock_name)),
        "--only-binary :all:",
        *(requirement_of(file).replace(" --hash", " \\\n    --hash") for file in target.files),
    ]
    return "\n".join(lines) + "\n"


def constraints_text(target: LockedTarget, *, lock_name: str) -> str:
    """Return constraints that hold every distribution of the lock to its version, torch first of all.

    Given as ``pip install -c FILE X`` (or PIP_CONSTRAINT, UV_CONSTRAINT) they keep X from replacing any of them.
    """
    bridge = () if target.bridge is None else (f"{BRIDGE_PROJECT}=={target.bridge.version}",)
    lines = [
        f"# {target.platform.words}: the versions of {lock_name}. With `pip install -c FILE X`,",
        "# or PIP_CONSTRAINT=FILE, nothing that is installed later replaces one of them.",
        *(f"{file.project}=={file.version}" for file in target.files),
        *bridge,
    ]
    return "\n".join(lines) + "\n"
