"""The set-up step of a workflow: install, prove, and tell the steps after it (GitHub Actions, see action.yml)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ipexenv.answer import Answer
from ipexenv.ci.step import set_up

if TYPE_CHECKING:
    import argparse

    from ipexenv.events import Listener
    from ipexenv.system.world import World


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare nothing: a step's inputs come as ``INPUT_*`` variables."""
    parser.epilog = "Inputs are variables, as action.yml sets them: INPUT_TORCH, INPUT_VENV, INPUT_VERIFY and so on."


def run(options: argparse.Namespace, world: World, listen: Listener) -> Answer:  # noqa: ARG001 (the protocol of commands)
    """Do what ``ipexenv install`` does, and write what it was into the runner's files."""
    done = set_up(world)
    return Answer(data=dict(done.outputs), raw=done.log, exit_code=done.exit_code)
