"""The choices that `install` and `resolve` share: their options, and the request that they make."""

from __future__ import annotations

import shlex
from contextlib import contextmanager
from typing import TYPE_CHECKING, get_args

from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version

from ipexenv.errors import AnswerIsNo, UsageError
from ipexenv.outcome import CclChoice, Request, Stack

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

_MINOR_PARTS = 2


def add_choice_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options that say what is wanted: torch, stack, ccl, sources and consents."""
    group = parser.add_argument_group("choices")
    group.add_argument(
        "--torch", metavar="V", help="the torch to have: 2.8 for any patch of it, 2.7.1 for exactly that"
    )
    group.add_argument("--stack", choices=get_args(Stack), default="ipex", help="torch with IPEX, or stock torch")
    group.add_argument(
        "--ccl",
        choices=get_args(CclChoice),
        default="auto",
        help="the ccl backend: Intel's bindings where they fit, else the bridge (auto), exactly one of these, or none",
    )
    group.add_argument("--ccl-version", metavar="V", help="exactly this version of Intel's oneCCL bindings")
    group.add_argument("--mpi", action="store_true", help="Intel MPI beside the bridge, for its mpirun")
    group.add_argument(
        "--allow-torch-change", action="store_true", help="consent to another torch than the installed one"
    )
    group.add_argument("--allow-yanked", action="store_true", help="consent to releases that were yanked")
    group.add_argument(
        "--source",
        action="append",
        default=[],
        metavar="URL-or-DIR",
        help="a find-links page, simple index or folder of wheels to ask as well (repeatable)",
    )
    group.add_argument(
        "--require-known",
        action="store_true",
        help="take torch, IPEX and the ccl backend from files alone whose SHA-256 the tables know",
    )
    group.add_argument("--offline", action="store_true", help="ask no source: decide from the tables alone")


def request_from(options: argparse.Namespace) -> Request:
    """Return what the parsed options ask for; raise UsageError that names a value that cannot be."""
    if options.ccl == "none" and options.ccl_version is not None:
        raise UsageError(
            f"--ccl none and --ccl-version {options.ccl_version} contradict each other",
            code="usage",
            hint="leave one of them out",
        )
    if options.ccl == "bridge" and options.ccl_version is not None:
        raise UsageError(
            f"--ccl bridge and --ccl-version {options.ccl_version} contradict each other",
            code="usage",
            causes=("--ccl-version names a version of Intel's bindings; of the bridge there is one, by the tables",),
            hint="leave one of them out",
        )
    return Request(
        stack=options.stack,
        ccl=options.ccl,
        torch=None if options.torch is None else torch_range(options.torch),
        ccl_version=None if options.ccl_version is None else _ccl_version(options.ccl_version),
        allow_torch_change=options.allow_torch_change,
        allow_yanked=options.allow_yanked,
        mpi=options.mpi,
        require_known=options.require_known,
    )


def torch_range(text: str) -> SpecifierSet:
    """Return the versions that ``--torch TEXT`` means: ``2.8`` every patch of it, ``1.12.1`` exactly that one.

    Raises UsageError that names the value.
    """
    bare = text.strip().removesuffix(".*")
    try:
        version = Version(bare)
    except InvalidVersion:
        raise UsageError(
            f"--torch {text!r} is not a version",
            code="usage",
            hint="name a version, as `--torch 2.8` (any patch of it) or `--torch 2.7.1` (exactly that one)",
        ) from None
    whole_minor = len(version.release) <= _MINOR_PARTS and str(version) == version.base_version
    return SpecifierSet(f"=={version}.*" if whole_minor else f"=={version}")


def aim_hint(error: AnswerIsNo, options: argparse.Namespace) -> None:
    """Make the commands in a refusal's hint name the target and the sources that this command line names.

    The solver knows neither; without them, a copied command would go to another environment.
    """
    named = [("--python", options.python), ("--venv", options.venv), *(("--source", name) for name in options.source)]
    words = "".join(f" {flag} {shlex.quote(value)}" for flag, value in named if value)
    if error.hint:
        error.hint = error.hint.replace("`ipexenv install", f"`ipexenv install{words}")


@contextmanager
def aimed_hints(options: argparse.Namespace) -> Iterator[None]:
    """Aim the hint of a refusal that leaves the block; see ``aim_hint``."""
    try:
        yield
    except AnswerIsNo as error:
        aim_hint(error, options)
        raise


def _ccl_version(text: str) -> str:
    try:
        Version(text)
    except InvalidVersion:
        raise UsageError(
            f"--ccl-version {text!r} is not a version", code="usage", hint="name a version, as `--ccl-version 2.7.0`"
        ) from None
    return text.strip()
