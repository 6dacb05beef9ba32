"""Every path of an environment that a change may make, replace or remove, worked out before it is made."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ipexenv.errors import OutsideError
from ipexenv.reading import MalformedError, Reader
from ipexenv.transaction.owned import owned_files

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ipexenv.facts import Target
    from ipexenv.fetch.wheel import WheelContents
    from ipexenv.system.world import World

_SCRIPT = Path(__file__).with_name("_target_paths.py")
_LIMIT_S = 30.0
_ADDED = ("INSTALLER", "REQUESTED", "direct_url.json", "provenance_url.json", "uv_build.json", "uv_cache.json")
"""What pip and uv put into a ``.dist-info`` beside what the wheel brings."""
_VERSIONED = ("pip", "easy_install")
"""Programs that pip makes under names with its Python's version besides."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Schemes:
    """Where the parts of wheels go: of each kind every folder that pip or uv may take."""

    purelib: tuple[str, ...]
    platlib: tuple[str, ...]
    scripts: tuple[str, ...]
    data: tuple[str, ...]
    headers: tuple[str, ...]

    @property
    def packages(self) -> tuple[str, ...]:
        """Return the folders of packages."""
        return tuple(dict.fromkeys((*self.platlib, *self.purelib)))


def ask_schemes(target: Target, world: World) -> Schemes:
    """Ask the target where its installers put things. Raises OutsideError where it does not answer."""
    program = target.executable or ""
    user = ["user"] if target.environment == "user" else []
    ended = world.runner.run([program, "-I", "-B", str(_SCRIPT), *user], timeout_s=_LIMIT_S, env=world.env, answer=True)
    try:
        reader = Reader(json.loads(ended.answer), where="the target's folders")
        found = {kind: reader.texts(kind) for kind in Schemes.__slots__}
    except (ValueError, MalformedError) as error:
        raise OutsideError(
            f"{program} does not tell where its packages go",
            code="target-not-python",
            causes=(str(error),),
            hint="`ipexenv status -v` shows what is known of it",
        ) from None
    own = (target.site_packages,) if target.site_packages else ()
    if own and own[0] not in (*found["purelib"], *found["platlib"]):
        found |= {"purelib": (*found["purelib"], *own), "platlib": (*found["platlib"], *own)}
    return Schemes(**{kind: tuple(dict.fromkeys(paths)) for kind, paths in found.items()})


def planned_paths(
    wheels: Iterable[WheelContents], replaced: Iterable[str], schemes: Schemes, *, prefix: str | None
) -> tuple[str, ...]:
    """Return the absolute paths that installing ``wheels`` may make, and those of what they replace (normalised names).

    Byte code is left out: whoever keeps the paths finds it beside them.
    """
    found: set[str] = set()
    for wheel in wheels:
        found.update(_made_by(wheel, schemes))
    for project in replaced:
        found.update(owned_files(schemes.packages, project))
    if prefix is not None:
        found.add(f"{prefix}/.lock")  # uv's own, which it leaves behind
    return tuple(sorted(found))


def _made_by(wheel: WheelContents, schemes: Schemes) -> Iterator[str]:
    for file in wheel.files:
        kind, path = file.destination.scheme, file.destination.path
        for folder in _folders(kind, wheel, schemes):
            yield os.path.normpath(f"{folder}/{path}")
        if file.name != path:  # uv unpacks `.data` among the packages before it moves everything to its place
            yield from (f"{folder}/{file.name}" for folder in schemes.packages)
    info = next(file.name for file in wheel.files if file.name.endswith(".dist-info/RECORD")).rpartition("/")[0]
    for folder in schemes.packages:
        yield from (f"{folder}/{info}/{name}" for name in _ADDED)
    for script in _scripts(wheel, schemes):
        yield from (f"{folder}/{script}" for folder in schemes.scripts)


def _folders(kind: str, wheel: WheelContents, schemes: Schemes) -> tuple[str, ...]:
    folders: tuple[str, ...] = getattr(schemes, kind)
    if kind != "headers":
        return folders
    as_filed = wheel.filename.partition("-")[0]
    names = dict.fromkeys((wheel.project, as_filed, wheel.project.replace("-", "_")))
    return tuple(f"{folder}/{name}" for folder in folders for name in names)


def _scripts(wheel: WheelContents, schemes: Schemes) -> Iterator[str]:
    yield from wheel.scripts
    minor = next((part for folder in schemes.packages if (part := _minor_in(folder))), "")
    for name in wheel.scripts:
        if minor and name.rstrip("0123456789.-") in _VERSIONED:
            stem = name.rstrip("0123456789.-")
            yield from (f"{stem}{dash}{number}" for dash in ("", "-") for number in (minor, minor.partition(".")[0]))


def _minor_in(folder: str) -> str:
    parts: Sequence[str] = folder.split("/")
    return next((part.removeprefix("python") for part in parts if part.startswith("python3.")), "")
