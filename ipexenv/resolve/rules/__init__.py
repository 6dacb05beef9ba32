"""One rule, one function, one objection: ``(release, situation) -> Rejection | None``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ipexenv.resolve.rules import bridge, host, python, supply, torch

if TYPE_CHECKING:
    from collections.abc import Callable

    from ipexenv.resolve.situation import Release, Situation
    from ipexenv.ruling import Rejection

    Rule = Callable[[Release, Situation], Rejection | None]

TORCH_RULES: tuple[Rule, ...] = (torch.torch_version, torch.cxx11_abi, torch.other_device, supply.on_index)
"""Objections that another torch, or naming one, would answer."""

OTHER_RULES: tuple[Rule, ...] = (
    supply.broken,
    supply.for_cpu,
    supply.has_wheel,
    host.operating_system,
    host.architecture,
    host.musl,
    host.glibc,
    host.executable_stack,
    host.glibcxx,
    host.instruction_set,
    host.system_libraries,
    python.implementation,
    python.python,
    python.free_threaded,
    supply.yanked,
    supply.served,
    supply.genuine,
)

CCL_RULES: tuple[Rule, ...] = (bridge.alone, bridge.parts_served, bridge.parts_genuine, bridge.parts_not_yanked)
"""Objections to a provider of the ccl backend alone."""

RULES = (*TORCH_RULES, *OTHER_RULES, *CCL_RULES)


def objections(release: Release, situation: Situation, rules: tuple[Rule, ...] = RULES) -> tuple[Rejection, ...]:
    """Return what every rule has against the release: all objections, not just the first."""
    found = (rule(release, situation) for rule in rules)
    return tuple(rejection for rejection in found if rejection is not None)
