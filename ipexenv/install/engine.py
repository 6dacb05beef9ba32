"""pip and uv as programs: which of the two to take, and how to call it. Neither is ever imported."""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, metadata
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from ipexenv.errors import OutsideError

if TYPE_CHECKING:
    from ipexenv.facts import Target
    from ipexenv.system.world import World

EngineName = Literal["pip", "uv"]
ENGINES = ("auto", "pip", "uv")

_PYTHON_OPTION_SINCE = Version("22.3")
_PIP_VERSION_LIMIT_S = 60.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Engine:
    """A package engine and the words that start it for the target."""

    name: EngineName
    argv: tuple[str, ...]
    """Everything before ``install``'s own options."""
    version: Version | None = None
    """pip's version, None where it is not known."""


def find_uv(world: World) -> str | None:
    """Return the path of uv: on PATH, or beside the Python that runs ipexenv; None where there is none."""
    beside = Path(sys.executable).parent / "uv"
    return shutil.which("uv", path=world.env.get("PATH", "")) or (str(beside) if beside.is_file() else None)


def uv_cache(engine: Engine, world: World) -> str | None:
    """Return the folder in which uv is configured to keep what it unpacks; None where its own place will do."""
    if engine.name != "uv" or {"UV_CACHE_DIR", "UV_NO_CONFIG"} & world.env.keys():
        return None
    ended = world.runner.run((engine.argv[0], "cache", "dir"), timeout_s=_PIP_VERSION_LIMIT_S, env=world.env)
    return ended.stdout.strip() or None if ended.returncode == 0 else None


def engine_name(choice: str, target: Target, world: World) -> EngineName:
    """Return which engine ``choice`` (``auto``, ``pip``, ``uv``) means: uv where it is there and can serve the target.

    Raises OutsideError where uv is asked for and cannot be had.
    """
    there = find_uv(world) is not None
    for_user = target.environment == "user"
    if choice == "uv" and not there:
        raise OutsideError(
            "uv is not installed",
            code="no-engine",
            causes=("it is neither on PATH nor beside the Python that runs ipexenv",),
            hint="install it with `pip install 'ipexenv[uv]'`, or leave out `--engine uv`",
        )
    if choice == "uv" and for_user:
        raise OutsideError(
            "uv does not install into a user's site directory",
            code="no-engine",
            causes=(f"{target.prefix} cannot be written, so packages would go to your own directory",),
            hint="take `--engine pip`, or an environment of its own with `--venv DIR`",
        )
    return "pip" if choice == "pip" or not there or for_user else "uv"


def choose_engine(choice: str, target: Target, world: World) -> Engine:
    """Return the engine for ``choice`` with the words that start it; see ``engine_name``.

    Raises OutsideError as well where no pip can work on the target.
    """
    program = target.executable or sys.executable
    uv = find_uv(world)
    if engine_name(choice, target, world) == "uv" and uv is not None:
        return Engine(name="uv", argv=(uv, "pip", "install", "--python", program))
    return _pip_engine(program, target, world)


def _pip_engine(program: str, target: Target, world: World) -> Engine:
    """Take the target's own pip; where it has none, ours, if it still supports the target's Python."""
    version = _own_pip(program, target, world)
    if version is not None:
        # -I keeps the working directory and PYTHONPATH out; a user's site directory needs them in.
        flags = ("-B",) if target.environment == "user" else ("-I", "-B")
        return Engine(name="pip", argv=(program, *flags, "-m", "pip", "install"), version=version)
    try:
        ours = metadata("pip")
        version = Version(ours["Version"])
        supported = SpecifierSet(ours["Requires-Python"] or "")
    except (PackageNotFoundError, InvalidVersion, InvalidSpecifier):
        version, supported = None, SpecifierSet("<0")
    if version is None or version < _PYTHON_OPTION_SINCE or not supported.contains(target.version, prereleases=True):
        raise OutsideError(
            f"no package engine can install into {program}",
            code="no-engine",
            causes=(
                "it has no pip of its own",
                f"the pip beside ipexenv ({version}) supports Python {supported}, and this is {target.version}"
                if version
                else "there is no pip beside ipexenv",
                "uv is not installed",
            ),
            hint=f"give it pip with `{program} -m ensurepip`, or install uv with `pip install 'ipexenv[uv]'`",
        )
    # As `pip --python` does, but for its second process, which would outlive the first where that is killed.
    return Engine(name="pip", argv=(program, "-I", "-B", _runner(), "install"), version=version)


def _runner() -> str:
    """Return the program with which the pip beside ipexenv runs in another Python; it has been there since 22.3."""
    spec = find_spec("pip")
    return str(Path(spec.origin).with_name("__pip-runner__.py")) if spec and spec.origin else "pip"


def _own_pip(program: str, target: Target, world: World) -> Version | None:
    """Return the version of the target's pip from its metadata, asking pip itself only where that is elsewhere."""
    if target.site_packages:
        for folder in Path(target.site_packages).glob("pip-*.dist-info"):
            return _version(folder.name.removesuffix(".dist-info").partition("-")[2])
    if target.environment == "venv":
        return None
    ended = world.runner.run((program, "-I", "-B", "-m", "pip", "--version"), timeout_s=_PIP_VERSION_LIMIT_S)
    words = ended.stdout.split()
    return _version(words[1]) if ended.returncode == 0 and len(words) > 1 else None


def _version(text: str) -> Version | None:
    try:
        return Version(text)
    except InvalidVersion:
        return None
