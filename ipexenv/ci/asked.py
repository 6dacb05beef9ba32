"""What environment is asked for, as exactly as can be told without asking any source: the identity behind its key."""

from __future__ import annotations

import hashlib
import os
import sys
from typing import TYPE_CHECKING

from ipexenv import __version__
from ipexenv.ci.key import Identity
from ipexenv.cli import parse_words
from ipexenv.errors import AnswerIsNo, UsageError
from ipexenv.facts import IsaLevel
from ipexenv.install.addresses import hide_credentials
from ipexenv.install.venv import facts_of_new
from ipexenv.outcome import Market
from ipexenv.probe.choice import TargetChoice, choose_target
from ipexenv.probe.look import probe
from ipexenv.resolve.choices import request_from
from ipexenv.resolve.solve import solve
from ipexenv.tables.digest import tables_digest
from ipexenv.tables.load import load_tables

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from ipexenv.ci.inputs import CiInputs
    from ipexenv.facts import Facts
    from ipexenv.system.world import World
    from ipexenv.tables.schema import Tables

BEARING = (
    "torch", "stack", "ccl", "ccl_version", "mpi", "allow_torch_change", "allow_yanked", "source", "require_known",
    "offline", "engine",
)  # fmt: skip
"""The options of ``install`` that decide what is in an environment, whether a flag or a setting set them."""


def identify(inputs: CiInputs, venv: str, world: World, more_words: tuple[str, ...]) -> tuple[Identity, Facts]:
    """Return what is asked for at ``venv``, and the facts of host and interpreter. Changes nothing and asks no source.

    Raises UsageError for a value that cannot be or a lock that cannot be read, OutsideError where the interpreter
    cannot be started. Whether anything fits is for ``install`` to say, which asks the sources.
    """
    _command, options = parse_words((*inputs.install_words(venv), *more_words), world)
    tables = load_tables(None if options.tables is None else world.directory / options.tables)
    base = _base(inputs, world)
    facts = facts_of_new(found := probe(world, base, libraries=tables.needed_libraries), venv)
    isa = facts.host.cpu.isa or IsaLevel.DEFAULT
    libc = facts.host.libc
    identity = Identity(
        decision=_digest(world.directory / options.from_lock) if options.from_lock else _pins(options, facts, tables),
        options=tuple((name, hide_credentials(str(getattr(options, name)))) for name in BEARING),
        python=" ".join(
            (
                found.target.implementation,
                str(found.target.version),
                "free-threaded" if found.target.free_threaded else "",
                os.path.realpath(found.target.executable or base.executable),
            )
        ),
        libc=f"{libc.family} {libc.version}",
        isa=isa.label,
        tool=__version__,
        tables=tables_digest(tables.origin),
        venv=venv,
    )
    return identity, facts


def _base(inputs: CiInputs, world: World) -> TargetChoice:
    if inputs.python is None:
        return TargetChoice(executable=sys.executable, how="the Python that runs ipexenv")
    _command, options = parse_words(("status", f"--python={inputs.python}"), world)
    return choose_target(options, world)


def _pins(options: argparse.Namespace, facts: Facts, tables: Tables) -> tuple[str, ...]:
    try:
        resolution = solve(facts, request_from(options), tables, Market())
    except AnswerIsNo:  # a source may have what no table knows
        return ()
    return tuple(f"{pin.name} {pin.version}" for pin in resolution.pins)


def _digest(lock: Path) -> tuple[str, ...]:
    try:
        return (f"sha256:{hashlib.sha256(lock.read_bytes()).hexdigest()}",)
    except OSError as error:
        raise UsageError(
            f"the lock {lock} cannot be read: {error.strerror or error}",
            code="bad-lock",
            hint="the input `lock` names a file below the input `working-directory`",
        ) from None
