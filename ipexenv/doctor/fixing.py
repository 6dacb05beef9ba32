"""Carry out the cures that need no person: through `install`, which is a transaction and can be rolled back."""

from __future__ import annotations

import argparse
import importlib
from typing import TYPE_CHECKING

from ipexenv.events import Event

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ipexenv.doctor.finding import Finding
    from ipexenv.events import Listener
    from ipexenv.system.world import World


def fix(findings: Sequence[Finding], options: argparse.Namespace, world: World, listen: Listener) -> bool:
    """Install what the first repairable finding needs, and say whether anything was done.

    One is enough: it puts the whole environment right. Raises what `install` raises; then nothing has changed.
    """
    arguments = next((finding.install for finding in findings if finding.install), None)
    if arguments is None:
        listen(Event(kind="step", text="nothing here can be repaired without a person"))
        return False
    listen(Event(kind="step", text=f"repairing with `ipexenv install {' '.join(arguments)}`"))
    install = importlib.import_module("ipexenv.commands.install")
    parser = argparse.ArgumentParser(prog="ipexenv install", allow_abbrev=False)
    install.add_options(parser)
    # What the commands' common options have set holds for this one as well.
    wanted = parser.parse_args(list(arguments), namespace=argparse.Namespace(**vars(options)))
    install.run(wanted, world, listen)
    return True
