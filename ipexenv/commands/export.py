"""Print a lock in the words of another tool: requirements, constraints, Dockerfile, conda environment."""

from __future__ import annotations

from functools import partial
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from ipexenv.answer import Answer
from ipexenv.errors import UsageError
from ipexenv.events import Event
from ipexenv.install.lock_file import load_lock
from ipexenv.lock.conda import conda_text
from ipexenv.lock.containing import described_container
from ipexenv.lock.dockerfile import dockerfile_text, pin_warning
from ipexenv.lock.dockerfile_base import named_base
from ipexenv.lock.exporting import target_of
from ipexenv.lock.names import LOCK_NAME
from ipexenv.lock.requirements import constraints_text, requirements_text
from ipexenv.report.lock import export_data
from ipexenv.system.writing import write_atomically
from ipexenv.tables.load import load_tables

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
    parser.add_argument(
        "--base", metavar="IMAGE", help="the image that a Dockerfile begins with, best as NAME:TAG@sha256:DIGEST"
    )
    parser.add_argument("-o", "--output", metavar="FILE", help="write to FILE and not to stdout")


def run(options: argparse.Namespace, world: World, listen: Listener) -> Answer:
    """Read the lock and write it in the format that is asked for. Raises UsageError; nothing is looked up anywhere."""
    if options.base is not None and options.format != "dockerfile":
        raise UsageError(
            f"--base is of no use to --format {options.format}",
            code="usage",
            causes=("it names the image that a Dockerfile begins with",),
            hint="leave it out, or take `--format dockerfile`",
        )
    lock = load_lock(options.from_lock, world)
    target = target_of(lock, options.target_python)
    if options.format == "dockerfile":
        text = _dockerfile(options, lock, target, world, listen)
    else:
        text = _text(options.format, target, PurePosixPath(options.from_lock).name)
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


def _text(format_name: str, target: LockedTarget, lock_name: str) -> str:
    if format_name == "requirements":
        return requirements_text(target, lock_name=lock_name)
    if format_name == "constraints":
        return constraints_text(target, lock_name=lock_name)
    return conda_text(target, lock_name=lock_name)


def _dockerfile(options: argparse.Namespace, lock: Lock, target: LockedTarget, world: World, listen: Listener) -> str:
    tables = load_tables(None if options.tables is None else world.directory / options.tables)
    base = None if options.base is None else named_base(options.base)
    container = described_container(target, tables, lock_name=PurePosixPath(options.from_lock).name, base=base)
    text = dockerfile_text(lock, target, container)
    if warning := pin_warning(container.base):
        listen(Event(kind="warning", text=warning))
    return text
