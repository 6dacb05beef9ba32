"""Print a lock in the words of another tool: requirements, constraints, Dockerfile, conda environment."""

from __future__ import annotations

from functools import partial
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from ipexenv.answer import Answer
from ipexenv.errors import UsageError
from ipexenv.install.lock_file import load_lock
from ipexenv.lock.conda import conda_text
from ipexenv.lock.dockerfile import dockerfile_text
from ipexenv.lock.exporting import target_of
from ipexenv.lock.names import LOCK_NAME
from ipexenv.lock.requirements import constraints_text, requirements_text
from ipexenv.report.lock import export_data
from ipexenv.system.writing import write_atomically

if TYPE_CHECKING:
    import argparse

    from ipexenv.events import Listener
    from ipexenv.lock.model import Lock, LockedTarget
    from ipexenv.system.world import World

FORMATS = ("requirements", "constraints", "dockerfile", "conda")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the format, the lock, and where the text goes."""
    parser.add_argument("--format", choices=FORMATS, default="requirements", help="what to write (requirements)")
    parser.add_argument("--from-lock", metavar="FILE", default=LOCK_NAME, help="the lock to read (pylock.toml)")
    parser.add_argument("--target-python", metavar="V", help="of a lock for several Pythons, the one to take")
    parser.add_argument("-o", "--output", metavar="FILE", help="write to FILE and not to stdout")


def run(options: argparse.Namespace, world: World, listen: Listener) -> Answer:  # noqa: ARG001 (the protocol of commands)
    """Read the lock and write it in the format that is asked for. Raises UsageError; nothing is looked up anywhere."""
    lock = load_lock(options.from_lock, world)
    target = target_of(lock, options.target_python)
    text = _text(options.format, lock, target, PurePosixPath(options.from_lock).name)
    data = partial(export_data, options.format, target, text=text)
    if options.output is None:
        return Answer(data=data(file=None), raw=text)
    file = world.directory / options.output
    try:
        write_atomically(file, text)
    except OSError as error:
        raise UsageError(
            f"{file} cannot be written: {error.strerror}", code="not-writable", hint="name another with `-o FILE`"
        ) from None
    return Answer(data=data(file=str(file)), raw=f"wrote {options.output}\n")


def _text(format_name: str, lock: Lock, target: LockedTarget, lock_name: str) -> str:
    if format_name == "requirements":
        return requirements_text(target, lock_name=lock_name)
    if format_name == "constraints":
        return constraints_text(target, lock_name=lock_name)
    if format_name == "conda":
        return conda_text(target, lock_name=lock_name)
    return dockerfile_text(lock, target, lock_name=lock_name)
