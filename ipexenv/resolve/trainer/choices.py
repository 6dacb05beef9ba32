"""The options of `trainer-args`: what is wanted of the Trainer, and what to suppose in place of what is there."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, get_args

from packaging.version import InvalidVersion, Version

from ipexenv.errors import UsageError
from ipexenv.facts import IsaLevel, Package, TorchPackage
from ipexenv.resolve.trainer.advice import PrecisionChoice, TrainerWish
from ipexenv.ruling import CclChoice

if TYPE_CHECKING:
    import argparse

    from ipexenv.facts import Facts

_EXAMPLES = {"transformers": "4.52.4", "accelerate": "1.7.0", "torch": "2.8.0", "ipex": "2.8.0"}
_ABSENT = "none"


def add_trainer_options(parser: argparse.ArgumentParser) -> None:
    """Declare the choices and the suppositions."""
    group = parser.add_argument_group("choices")
    group.add_argument(
        "--dtype", choices=get_args(PrecisionChoice), default="auto", help="bf16 where the CPU computes with it (auto)"
    )
    group.add_argument("-n", "--nproc", type=int, metavar="N", help="how many ranks train (one for each NUMA node)")
    group.add_argument(
        "--ccl",
        choices=get_args(CclChoice),
        default="auto",
        help="ccl where a provider is installed (auto) or will be (bindings, bridge), else gloo (none)",
    )
    there = parser.add_argument_group(
        "what is not here", "Each takes the place of what is found in the environment; V may be `none`."
    )
    for name in _EXAMPLES:
        there.add_argument(f"--{name}", metavar="V", help=f"another {name}")
    there.add_argument("--isa", metavar="LEVEL", help=f"another processor: {', '.join(i.label for i in IsaLevel)}")
    there.add_argument("--facts", metavar="FILE", help="another environment: its `ipexenv status -v --json`")


def wish_from(options: argparse.Namespace) -> TrainerWish:
    """Return what the options wish for; raise UsageError for a number of ranks that cannot be."""
    if options.nproc is not None and options.nproc < 1:
        raise UsageError(
            f"--nproc {options.nproc} is no number of ranks", code="usage", hint="name one, as `--nproc 2`"
        )
    return TrainerWish(precision=options.dtype, ranks=options.nproc, ccl=options.ccl)


def supposed(facts: Facts, options: argparse.Namespace) -> Facts:
    """Return the facts with what the options suppose in them; raise UsageError for a value that cannot be."""
    installed = facts.installed
    for name in _EXAMPLES:
        text = getattr(options, name)
        if text is not None:
            change: dict[str, Any] = {name: _package(name, text)}
            installed = replace(installed, **change)
    if options.isa is None:
        return replace(facts, installed=installed)
    cpu = replace(facts.host.cpu, isa=_isa(options.isa), flags=())
    return replace(facts, installed=installed, host=replace(facts.host, cpu=cpu))


def _package(name: str, text: str) -> Package | None:
    if text == _ABSENT:
        return None
    try:
        version = Version(text)
    except InvalidVersion:
        raise UsageError(
            f"--{name} {text!r} is not a version",
            code="usage",
            hint=f"name one, as `--{name} {_EXAMPLES[name]}`, or `--{name} {_ABSENT}` to do without",
        ) from None
    return TorchPackage(name=name, version=version) if name == "torch" else Package(name=name, version=version)


def _isa(text: str) -> IsaLevel:
    try:
        return IsaLevel.from_label(text)
    except ValueError as error:
        raise UsageError(f"--isa: {error}", code="usage", hint="`ipexenv status` names that of this machine") from None
