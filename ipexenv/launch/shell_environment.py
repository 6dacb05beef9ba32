"""The environment of a run for a shell that starts the program itself. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ipexenv.launch.precedence import APPLIED, PREFIXED, added_to, applied, without_applied

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ipexenv.launch.setting import HostPlacement, Setting

OF_A_RANK = frozenset({"CCL_LOCAL_RANK", "CCL_LOCAL_SIZE", "CCL_PROCESS_LAUNCHER"})
"""A shell is no rank: whatever starts the ranks tells oneCCL their places."""
OF_A_NETWORK = frozenset({"CCL_ATL_TRANSPORT", "CCL_KVS_IFACE", "FI_PROVIDER", "FI_TCP_IFACE", "GLOO_SOCKET_IFNAME"})
"""Whether the ranks will stay on this host is not known, unless an interface is named."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Changes:
    """What to do to an environment."""

    set: tuple[tuple[str, str], ...] = ()
    unset: tuple[str, ...] = ()


def shell_settings(placement: HostPlacement, *, network: bool) -> tuple[Setting, ...]:
    """Return what holds whichever rank it is; of a single rank its own settings too."""
    own = placement.ranks[0].settings if len(placement.ranks) == 1 else ()
    names = {setting.name for setting in own}
    both = (*(setting for setting in placement.settings if setting.name not in names), *own)
    left_out = OF_A_RANK if network else OF_A_RANK | OF_A_NETWORK
    return tuple(setting for setting in both if setting.name not in left_out)


def changes_to(settings: tuple[Setting, ...], env: Mapping[str, str]) -> Changes:
    """Return how to come from ``env`` to the settings; doing it twice is doing it once.

    What an earlier ``ipexenv env`` left there and is wanted no more goes; what the user set himself is not repeated.
    """
    before = without_applied(env)
    wanted = {setting.name: setting.value for setting in settings if not setting.by_user}
    record = {
        name: added_to(value, before.get(name, "")) if name in PREFIXED else value for name, value in wanted.items()
    }
    back = _back(env, before, keep=wanted)
    return Changes(
        set=(*wanted.items(), *back.set, (APPLIED, json.dumps(record, separators=(",", ":")))),
        unset=back.unset,
    )


def undoing(env: Mapping[str, str]) -> Changes:
    """Return how to get rid of what an earlier ``ipexenv env`` left; nothing where it left nothing."""
    if APPLIED not in env:
        return Changes()
    back = _back(env, without_applied(env), keep={})
    return Changes(set=back.set, unset=(*back.unset, APPLIED))


def _back(env: Mapping[str, str], before: Mapping[str, str], *, keep: Mapping[str, str]) -> Changes:
    gone = [name for name in applied(env) if name in env and name not in keep and env[name] != before.get(name)]
    return Changes(
        set=tuple((name, before[name]) for name in gone if name in before),
        unset=tuple(name for name in gone if name not in before),
    )
