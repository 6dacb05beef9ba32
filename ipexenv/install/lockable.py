"""From a decision to the exact files that a lock names: engine, sources and environment put together."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from ipexenv.errors import OutsideError
from ipexenv.install.addresses import is_local, local_path
from ipexenv.install.alone import nobody_else, with_users_alone
from ipexenv.install.closure import closure
from ipexenv.install.closure_choice import ASSUMED_GLIBC
from ipexenv.install.configuration import read_configuration
from ipexenv.install.engine import choose_engine
from ipexenv.install.whole import bridge_parts, closure_of_installed
from ipexenv.install.wish import Wish
from ipexenv.lock.model import LockedBridge

if TYPE_CHECKING:
    from ipexenv.events import Listener
    from ipexenv.facts import Facts, Host
    from ipexenv.outcome import Market, Resolution
    from ipexenv.ruling import Offer
    from ipexenv.system.world import World
    from ipexenv.tables.bridge import BridgeRelease

_UV_GLIBC_MINORS = (17, 28, *range(31, 41))
"""Minors of glibc 2 that uv has names for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LockOrder:
    """How the files are to be found."""

    engine: str = "auto"
    base: str | None = None
    """The Python that would make an environment which is not there yet; None: the one that runs ipexenv."""
    fresh: bool = False
    """Whether there is no environment yet, or it is on a machine that is not here."""
    elsewhere: bool = False
    """Whether the facts are about a machine that is not here."""
    user_sources: tuple[str, ...] = ()
    offline: bool = False
    bridges: tuple[BridgeRelease, ...] = ()
    """The tables' rows."""


def lock_files(  # noqa: PLR0913 (three stages' results, how, the outside world, and who listens)
    resolution: Resolution, market: Market, facts: Facts, order: LockOrder, *, world: World, listen: Listener
) -> tuple[tuple[Offer, ...], LockedBridge | None]:
    """Return every file of the environment as decided, and what its bridge is built from.

    Nothing is changed. Raises OutsideError where the engine, or a source, fails; UsageError for a configuration file
    that cannot be used.
    """
    target = facts.target
    if order.fresh:
        target = replace(target, executable=order.base or sys.executable, site_packages=None, environment="venv")
    there = replace(facts, target=target)
    engine = choose_engine(order.engine, target, world)
    if order.elsewhere and engine.name != "uv":
        raise _needs_uv()
    configuration = read_configuration(world, prefix=target.prefix, with_uv=engine.name == "uv")
    wish = _wish(market, facts, order, world)
    if order.user_sources and not order.offline and nobody_else(configuration, market.reports):
        configuration, lines = with_users_alone(configuration, order.user_sources, world.directory)
        wish = replace(wish, lines=lines)
    ask = partial(closure, engine=engine, configuration=configuration, world=world, facts=there, listen=listen)
    files = closure_of_installed(resolution, there, ask, wish=wish, directory=world.directory)
    built = bridge_parts(resolution, order.bridges, ask, wish=wish)
    if built is None:
        return files, None
    release, parts = built
    return files, LockedBridge(version=release.version, parts=parts)


def _wish(market: Market, facts: Facts, order: LockOrder, world: World) -> Wish:
    local = [local_path(address, world.directory) for address in order.user_sources if is_local(address)]
    version = facts.target.version
    return Wish(
        requirements=(),
        offers=market.offers,
        fresh=order.fresh,
        offline=order.offline,
        folders=tuple(str(path) for path in local) if order.offline else (),
        python_version=f"{version.major}.{version.minor}" if order.elsewhere else None,
        python_platform=_uv_platform(facts.host) if order.elsewhere else None,
    )


def _uv_platform(host: Host) -> str:
    """Return uv's name for the newest platform whose wheels run on ``host``."""
    if host.system != "linux":
        raise OutsideError(
            f"nothing can be locked for {host.system}",
            code="no-engine",
            causes=("ipexenv serves Linux alone",),
            hint="name a Linux, as `--platform manylinux_2_28_x86_64`",
        )
    if host.libc.family == "musl":
        return f"{host.architecture}-unknown-linux-musl"
    version = host.libc.version or ASSUMED_GLIBC
    minor = max((step for step in _UV_GLIBC_MINORS if step <= version.minor), default=_UV_GLIBC_MINORS[0])
    return f"{host.architecture}-manylinux_2_{minor}"


def _needs_uv() -> OutsideError:
    return OutsideError(
        "a machine that is not here can be locked with uv alone",
        code="no-engine",
        causes=("pip judges dependencies by the Python that it runs in",),
        hint="install uv with `pip install 'ipexenv[uv]'`, or lock on the machine itself",
    )
