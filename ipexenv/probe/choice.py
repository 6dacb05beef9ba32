"""Which Python is the target: ``--python``, ``--venv``, the activated environment, or the one on PATH."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ipexenv.errors import UsageError
from ipexenv.transaction.state import FOLDER

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from ipexenv.system.world import World

_PROGRAMS = ("bin/python", "bin/python3", "Scripts/python.exe", "python.exe")


@dataclass(frozen=True, kw_only=True, slots=True)
class TargetChoice:
    """The Python to look at; it need not exist."""

    executable: str
    """Absolute path of the program to start."""
    how: str
    """What chose it, for people: ``--python``, ``--venv``, ``VIRTUAL_ENV``, ``python3 on PATH`` …"""
    venv: str | None = None
    """Absolute path of the directory named with ``--venv``; None where another option chose."""
    base: str | None = None
    """The Python that ``--python`` names for an environment that ``--venv`` asks to make; None: the tool's own."""


def add_target_options(parser: argparse.ArgumentParser) -> None:
    """Declare ``--python PATH`` and ``--venv DIR``."""
    parser.add_argument(
        "--python", metavar="PATH", help="look at this Python (program, environment directory or version)"
    )
    parser.add_argument("--venv", metavar="DIR", help="look at the Python of this virtual environment")


def target_words(options: argparse.Namespace) -> str:
    """Return the options that name the target, as a further command would need them; starts with a space."""
    named = (("--python", options.python), ("--venv", options.venv))
    found = [(flag, value) for flag, value in named if value]
    if not found:
        return ""
    import shlex  # noqa: PLC0415 (start-up time: hints alone need it)

    return "".join(f" {flag} {shlex.quote(value)}" for flag, value in found)


def choose_target(options: argparse.Namespace, world: World, *, may_make: bool = False) -> TargetChoice:
    """Return the target that ``options`` and the environment name; raise UsageError where both options name one.

    An option on the command line beats the other one set elsewhere. With ``may_make`` both together may name an
    environment that does not exist yet, and the Python to make it with. Whether the program exists and is a Python is
    for ``probe`` to find out.
    """
    python, venv = options.python, options.venv
    if python and venv:
        origins = getattr(options, "settings", {})
        by_flag = [name for name in ("python", "venv") if origins.get(name) == "flag"]
        if len(by_flag) != 1:
            return _to_make(python, venv, world, may_make=may_make)
        python, venv = (python, None) if by_flag == ["python"] else (None, venv)
    if venv:
        directory = _absolute(venv, world)
        return TargetChoice(executable=str(_program_in(directory)), how="--venv", venv=str(directory))
    if python:
        return TargetChoice(executable=_named(python, world), how="--python")
    return _active(world)


def _to_make(python: str, venv: str, world: World, *, may_make: bool) -> TargetChoice:
    directory = _absolute(venv, world)
    if not may_make or not _may_become(directory):
        raise _two_targets(python, venv)
    program = str(_program_in(directory))
    return TargetChoice(executable=program, how="--venv", venv=str(directory), base=_named(python, world))


def _may_become(directory: Path) -> bool:
    """Say whether an environment can be made there: nothing is, or a folder with at most ipexenv's own."""
    if not directory.exists():
        return True
    return directory.is_dir() and all(entry.name == FOLDER for entry in directory.iterdir())


def _two_targets(python: str, venv: str) -> UsageError:
    return UsageError(
        "--python and --venv name two targets",
        code="two-targets",
        causes=(f"--python is {python!r} and --venv is {venv!r}",),
        hint="leave one of them out",
    )


def _active(world: World) -> TargetChoice:
    if world.env.get("VIRTUAL_ENV"):
        return TargetChoice(executable=str(_program_in(Path(world.env["VIRTUAL_ENV"]))), how="VIRTUAL_ENV")
    if world.env.get("CONDA_PREFIX"):
        program = _program_in(Path(world.env["CONDA_PREFIX"]))
        if program.exists():  # a conda environment without a Python is a normal thing
            return TargetChoice(executable=str(program), how="CONDA_PREFIX")
    for name in ("python3", "python"):
        found = _on_path(name, world.env)
        if found:
            return TargetChoice(executable=found, how=f"{name} on PATH")
    return TargetChoice(executable=sys.executable, how="the Python that runs ipexenv")


def _named(text: str, world: World) -> str:
    """Resolve ``--python``: a name or version is looked up on PATH, a directory is an environment."""
    if os.sep not in text:
        found = _on_path(f"python{text}" if text[0].isdigit() else text, world.env)
        if found:
            return found
    path = _absolute(text, world)
    return str(_program_in(path) if path.is_dir() else path)


def _program_in(environment: Path) -> Path:
    candidates = [environment / name for name in _PROGRAMS]
    return next((path for path in candidates if path.exists()), candidates[0])


def _on_path(name: str, env: Mapping[str, str]) -> str | None:
    import shutil  # noqa: PLC0415 (start-up time: a named target needs no search)

    return shutil.which(name, path=env.get("PATH", os.defpath))


def _absolute(text: str, world: World) -> Path:
    return world.directory / Path(text).expanduser()
