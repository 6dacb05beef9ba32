"""Make a virtual environment, and take it away again where what follows fails."""

from __future__ import annotations

import contextlib
import sys
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ipexenv.errors import OutsideError
from ipexenv.events import Event
from ipexenv.facts import Installed
from ipexenv.probe.choice import TargetChoice
from ipexenv.probe.look import probe
from ipexenv.transaction.state import FOLDER

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from ipexenv.events import Listener
    from ipexenv.facts import Facts
    from ipexenv.system.world import World

_LIMIT_S = 180.0


def look_before(where: TargetChoice, world: World, *, libraries: Collection[str]) -> tuple[Facts, str | None]:
    """Return the facts of the target, and the directory to make where ``--venv`` names an environment that is absent.

    The facts of that one are what will be true of it, made with ``where.base`` or the Python that runs ipexenv.
    ``libraries`` is for ``probe``.
    """
    if where.venv is None or not is_absent(where.venv):
        return probe(world, where, libraries=libraries), None
    how = "--python" if where.base else "the Python that runs ipexenv"
    base = TargetChoice(executable=where.base or sys.executable, how=how)
    return facts_of_new(probe(world, base, libraries=libraries), where.venv), where.venv


def is_absent(directory: str) -> bool:
    """Say whether there is no environment at ``directory`` yet: nothing, or a folder with at most ipexenv's own."""
    folder = Path(directory)
    return not folder.exists() or (folder.is_dir() and all(entry.name == FOLDER for entry in folder.iterdir()))


def facts_of_new(facts: Facts, directory: str) -> Facts:
    """Return what will be true of an environment made at ``directory`` with the Python that ``facts`` are about."""
    target = replace(
        facts.target,
        executable=str(Path(directory) / "bin" / "python"),
        environment="venv",
        prefix=directory,
        site_packages=None,
        externally_managed=None,
        writable=True,
    )
    return replace(facts, target=target, installed=Installed())


def make_environment(
    directory: str, base: str | None, world: World, listen: Listener, *, with_pip: bool = True
) -> None:
    """Make a virtual environment at ``directory``, which holds nothing but ipexenv's own folder, if it is there at all.

    ``base`` is the Python to make it with, None the one that runs ipexenv. It gets pip where that can give it (some
    distributions split ``ensurepip`` off) and ``with_pip`` asks for it. Raises OutsideError when it cannot be made.
    """
    listen(Event(kind="step", text=f"making a virtual environment at {directory}"))
    _make(directory, base or sys.executable, world, with_pip=with_pip)


@contextmanager
def place_for(directory: str | None) -> Iterator[None]:
    """Take away, where the block fails, the folder that it made for an environment; None: there is none to make."""
    existed = directory is None or Path(directory).is_dir()
    try:
        yield
    except BaseException:
        if directory is not None:
            with contextlib.suppress(OSError):
                if existed:
                    Path(directory).mkdir(exist_ok=True)
                else:
                    Path(directory).rmdir()  # only where it is empty: somebody else may use it by now
        raise


def _make(directory: str, base: str, world: World, *, with_pip: bool) -> None:
    command = (base, "-I", "-m", "venv", *(() if with_pip else ("--without-pip",)))
    ended = world.runner.run((*command, directory), timeout_s=_LIMIT_S)
    if with_pip and ended.returncode != 0 and "ensurepip" in ended.stdout + ended.stderr:
        ended = world.runner.run((*command, "--without-pip", directory), timeout_s=_LIMIT_S)
    if ended.returncode == 0:
        return
    said = (ended.stderr or ended.stdout).strip().splitlines()
    raise OutsideError(
        f"cannot make a virtual environment at {directory}",
        code="no-venv",
        causes=(said[-1] if said else f"`{' '.join(command)}` ended with code {ended.returncode}",),
        hint="name a directory that can be written, or make the environment yourself and give it with `--venv DIR`",
    )
