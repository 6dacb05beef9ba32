"""Print the environment that a run gets, for a shell, a file or a CI system; replaces ``source setvars.sh``."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from ipexenv.answer import Answer
from ipexenv.errors import UsageError
from ipexenv.events import Event
from ipexenv.launch.env_options import add_wish_options, is_across_hosts, read_wish
from ipexenv.launch.shell_environment import changes_to, shell_settings, undoing
from ipexenv.probe.choice import add_target_options, choose_target
from ipexenv.report.env import FORMATS, environment_text, explained_text, unwritable, usual_shell

if TYPE_CHECKING:
    import argparse

    from ipexenv.events import Listener
    from ipexenv.launch.setting import HostPlacement
    from ipexenv.launch.shell_environment import Changes
    from ipexenv.system.world import World


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the target, the spelling, and what the ranks will be."""
    add_target_options(parser)
    words = "spelling of the lines (default: that of $SHELL, for `eval`)"
    parser.add_argument("--format", "--shell", choices=FORMATS, help=words)
    parser.add_argument("--explain", action="store_true", help="print the reasons instead")
    parser.add_argument("--unset", action="store_true", help="print what takes back an earlier `eval`")
    add_wish_options(parser)


def run(options: argparse.Namespace, world: World, listen: Listener) -> Answer:
    """Probe, choose, and print. Raises UsageError for values that no line can hold."""
    if options.unset:
        return _answer(undoing(world.env), options, world)
    placement = _choose(options, world)
    settings = shell_settings(placement, network=options.interface is not None)
    for note in placement.notes:
        listen(Event(kind="step", text=f"note: {note}"))
    data = {"settings": [asdict(setting) for setting in settings], "notes": list(placement.notes)}
    if options.explain:
        return Answer(data=data, raw=explained_text(settings, ()))
    return _answer(changes_to(settings, world.env), options, world, more=data)


def _choose(options: argparse.Namespace, world: World) -> HostPlacement:
    from ipexenv.launch.local_view import look_at_this_machine, provider_of_target  # noqa: PLC0415 (start-up time)
    from ipexenv.launch.settings import choose_settings  # noqa: PLC0415 (as above)
    from ipexenv.probe.look import probe  # noqa: PLC0415 (as above)

    facts = probe(world, choose_target(options, world), libraries=())
    wish = read_wish(options, provider_of_target(facts))
    view = look_at_this_machine(world, facts)
    if is_across_hosts(options):
        view = replace(view, interface=options.interface, gloo_interface=options.interface)
    return choose_settings(view, wish, world.env)


def _answer(
    changes: Changes, options: argparse.Namespace, world: World, more: dict[str, object] | None = None
) -> Answer:
    form = options.format or usual_shell(world.env)
    name = unwritable(changes, form)
    if name is not None:
        raise UsageError(f"{name} holds what no line of this form can: {dict(changes.set)[name]!r}", code="unwritable")
    text = environment_text(changes, form)
    return Answer(data={"environment": dict(changes.set), "unset": list(changes.unset), **(more or {})}, raw=text)
