"""Carry out the cures that need no person: through `install`, which is a transaction and can be rolled back."""

from __future__ import annotations

import argparse
import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ipexenv.errors import AnswerIsNo, OutsideError
from ipexenv.events import Event
from ipexenv.settings import Settings, apply_settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ipexenv.doctor.finding import Finding
    from ipexenv.events import Listener
    from ipexenv.system.world import World

_SHARED = ("json", "quiet", "verbose", "tables", "python", "venv")
"""Options of `doctor` that hold for its `install` as well."""

_WHERE = {
    "shell": "it is set in your shell, which no program can change",
    "machine": "it is a matter of the machine or its container",
    "network": "it is a matter of the hosts and their network",
    "packages": "no command repairs it without a decision of yours",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Repair:
    """What ``--fix`` did."""

    command: str | None = None
    """The command that was carried out; None where there was none to carry out."""
    failed: str | None = None
    """Why it changed nothing; None where it did its work."""
    repaired: tuple[str, ...] = ()
    """Ids of the findings that are gone."""
    left: tuple[tuple[str, str], ...] = ()
    """Pairs of the id of a finding that is still there and the reason."""

    def as_mapping(self) -> dict[str, Any]:
        """Return its part of the JSON data."""
        return {
            "command": self.command,
            "failed": self.failed,
            "repaired": list(self.repaired),
            "left": [{"id": name, "because": why} for name, why in self.left],
        }

    def told(self) -> tuple[str, ...]:
        """Return it in lines for people."""
        if self.command is None:
            first = "nothing here can be repaired without you"
        elif self.failed is not None:
            first = f"`{self.command}` changed nothing: {self.failed}"
        else:
            first = f"`{self.command}` repaired {', '.join(self.repaired) or 'nothing that was found'}"
        return (first, *(f"left {name}: {why}" for name, why in self.left))


def fix(findings: Sequence[Finding], options: argparse.Namespace, world: World, listen: Listener) -> Repair:
    """Install what the first repairable finding needs, and say what came of it; ``repaired`` and ``left`` are open.

    One is enough: it puts the whole environment right. Where `install` refuses or fails, nothing has changed. What
    changes torch, or takes a release that was yanked, is left to a person.
    """
    arguments = next((finding.install for finding in findings if finding.install), None)
    if arguments is None:
        return Repair()
    command = f"ipexenv install {' '.join(arguments)}"
    listen(Event(kind="step", text=f"repairing with `{command}`"))
    install = importlib.import_module("ipexenv.commands.install")
    parser = argparse.ArgumentParser(prog="ipexenv install", allow_abbrev=False)
    install.add_options(parser)
    wanted = apply_settings(parser, list(arguments), Settings.find(world.env, world.directory))
    for name in _SHARED:
        if getattr(wanted, name, None) is None:
            setattr(wanted, name, getattr(options, name, None))
    wanted.allow_torch_change = wanted.allow_yanked = False  # whatever a setting says: a person decides on these
    try:
        install.run(wanted, world, listen)
    except (AnswerIsNo, OutsideError) as error:
        return Repair(command=command, failed="; ".join((error.message, *error.causes)))
    return Repair(command=command)


def accounted(repair: Repair, before: Sequence[Finding], after: Sequence[Finding]) -> Repair:
    """Return ``repair`` with what is gone and what is left of the errors and warnings, and why."""
    there = {finding.id for finding in after}
    return Repair(
        command=repair.command,
        failed=repair.failed,
        repaired=tuple(dict.fromkeys(finding.id for finding in before if finding.id not in there)),
        left=tuple(dict.fromkeys((each.id, _why(each)) for each in after if each.severity != "info")),
    )


def _why(finding: Finding) -> str:
    if finding.install:
        return "the repair did not come about"
    if "--allow-torch-change" in (finding.cure or ""):
        return "it needs another torch, which only you can decide"
    if "--allow-yanked" in (finding.cure or ""):
        return "it needs a release that was withdrawn, which only you can decide"
    return _WHERE[finding.place]
