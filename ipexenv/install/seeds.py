"""What a new environment gets besides: the pip that its Python brings, installed by uv in no time.

``python -m venv`` with pip takes two to three seconds, because it starts the bundled pip to install itself.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from ipexenv.fetch.staging import sha256_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ipexenv.system.world import World

_SCRIPT = Path(__file__).with_name("_target_bundled.py")
_LIMIT_S = 30.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Seed:
    """One wheel that a Python brings."""

    project: str
    """Normalised."""
    requirement: str
    """The line that no other file can satisfy."""
    folder: str


def seeds_of(base: str | None, world: World) -> tuple[Seed, ...]:
    """Return what ``ensurepip`` of a Python would install; ``base`` is its path, None the one that runs ipexenv.

    Nothing where it does not say: then ``ensurepip`` itself has to do it.
    """
    argv = (base or sys.executable, "-I", "-B", str(_SCRIPT))
    ended = world.runner.run(argv, timeout_s=_LIMIT_S, env=world.env, answer=True)
    try:
        return tuple(_seeds(json.loads(ended.answer)))
    except (OSError, ValueError, TypeError, InvalidWheelFilename):
        return ()


def _seeds(paths: list[str]) -> Iterator[Seed]:
    for path in map(Path, paths):
        project, version, _build, _tags = parse_wheel_filename(path.name)
        requirement = f"{project}=={version} --hash=sha256:{sha256_of(path)}"
        yield Seed(project=project, requirement=requirement, folder=str(path.parent))
