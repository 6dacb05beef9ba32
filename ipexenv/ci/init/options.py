"""The options of `ipexenv ci` that write files for a project instead of setting up a job."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ipexenv.errors import UsageError

if TYPE_CHECKING:
    import argparse

KINDS = ("github", "gitlab", "azure", "docker")


def add_init_options(parser: argparse.ArgumentParser) -> None:
    """Declare what to write, for which torch, and where."""
    group = parser.add_argument_group(
        "a workflow for this project", "With --init nothing is set up: files are written, for you to change and commit."
    )
    group.add_argument("--init", choices=KINDS, help="what to write; docker is a Dockerfile and a dev container")
    group.add_argument(
        "--torch", metavar="V", help="with --init: the torch to have (default: the lock's, the installed)"
    )
    group.add_argument(
        "--base", metavar="IMAGE", help="with --init docker or gitlab: the image to begin with, NAME:TAG@sha256:DIGEST"
    )
    group.add_argument(
        "-o",
        "--output",
        metavar="PATH",
        help="with --init: write there (docker: the folder) and not to the usual place",
    )
    group.add_argument("--force", action="store_true", help="with --init: replace files that are there")


def refuse_without_init(options: argparse.Namespace) -> None:
    """Raise UsageError where an option of ``--init`` is given on the command line without it."""
    names = {"torch": "--torch", "base": "--base", "output": "--output", "force": "--force"}
    for name, flag in names.items():
        # Settings may hold `torch` for `install`, which is no request for a workflow.
        if getattr(options, name) and options.settings.get(name) == "flag":
            raise UsageError(
                f"{flag} is of no use without --init",
                code="usage",
                causes=("a job takes its inputs from variables, as IPEXENV_CI_TORCH",),
                hint=f"`ipexenv ci --init github {flag} ...` writes a workflow",
            )


def refuse_useless(options: argparse.Namespace) -> None:
    """Raise UsageError where an option does not go with the kind of ``--init``."""
    if options.base and options.init not in {"docker", "gitlab"} and options.settings.get("base") == "flag":
        raise UsageError(
            f"--base is of no use to --init {options.init}",
            code="usage",
            causes=("jobs run there on a virtual machine, not in an image",),
            hint="leave it out",
        )
