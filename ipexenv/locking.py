"""The stages behind `lock`: look, decide, find every file, for each target that the options name."""

from __future__ import annotations

from argparse import Namespace
from functools import partial
from itertools import product
from typing import TYPE_CHECKING

from ipexenv.errors import AnswerIsNo, UsageError
from ipexenv.fetch.known import hold_to_known
from ipexenv.install.engine import engine_name
from ipexenv.install.lockable import LockOrder, lock_files
from ipexenv.install.sources import blaming_sources, survey
from ipexenv.install.venv import look_before
from ipexenv.install.whole import needs_survey
from ipexenv.lock.making import make_target
from ipexenv.probe.choice import choose_target
from ipexenv.probe.isa import isa_level
from ipexenv.resolve.ccl import may_need_bridge
from ipexenv.resolve.choices import aimed_hints, request_from
from ipexenv.resolve.remote import facts_in, is_remote, refuse_two_targets, remote_facts
from ipexenv.resolve.solve import solve_asking

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ipexenv.events import Listener
    from ipexenv.facts import Facts
    from ipexenv.lock.model import LockedTarget
    from ipexenv.outcome import Stack
    from ipexenv.system.world import World
    from ipexenv.tables.schema import Tables


def lock_targets(options: Namespace, world: World, tables: Tables, listen: Listener) -> Iterator[LockedTarget]:
    """Yield what each target gets: the one that is here, or each combination of ``--target-python`` and ``--platform``.

    Raises UsageError, AnswerIsNo where nothing fits, OutsideError where a source, the engine or the target fails.
    """
    refuse_two_targets(options)
    for one in _each(options):
        yield _lock_one(one, world, tables, listen)


def stack_of_what_is_there(options: Namespace, error: AnswerIsNo) -> Stack:
    """Return the native stack where no IPEX fits the torch that is there and nobody asked for one; else raise.

    A lock is of what is there, and an environment without IPEX needs none.
    """
    asked = options.settings.get("stack", "default") != "default" or options.torch is not None
    if asked or options.stack != "ipex" or error.code != "no-compatible-release" or is_remote(options):
        raise error
    return "native"


def _each(options: Namespace) -> Iterator[Namespace]:
    lists = [(getattr(options, name) or "").split(",") for name in ("target_python", "platform")]
    for python, platform in product(*lists):
        given = {"target_python": python.strip() or None, "platform": platform.strip() or None}
        yield Namespace(**{**vars(options), **given})


def _lock_one(options: Namespace, world: World, tables: Tables, listen: Listener) -> LockedTarget:
    facts, order = _look(options, world, tables)
    request = request_from(options)
    ask = partial(
        survey,
        world,
        tables=tables,
        facts=facts,
        user_sources=order.user_sources,
        listen=listen,
        engine=engine_name(order.engine, facts.target, world),
        offline=order.offline,
        bridge=may_need_bridge(request),
    )
    with aimed_hints(options), blaming_sources():
        resolution, market = solve_asking(facts, request, tables, ask, offline=False, sources=order.user_sources)
    if not market.asked and needs_survey(resolution, facts):
        market = ask()
    files, bridge = lock_files(resolution, market, facts, order, world=world, listen=listen)
    held = hold_to_known(files, tables, require_known=options.require_known)
    return make_target(resolution, facts, held, bridge)


def _look(options: Namespace, world: World, tables: Tables) -> tuple[Facts, LockOrder]:
    if is_remote(options):
        base = None if options.facts is None else _read_facts(options.facts, world)
        return remote_facts(options, base, isa_of=isa_level), _order(options, tables, fresh=True, elsewhere=True)
    where = choose_target(options, world, may_make=True)
    facts, venv = look_before(where, world, libraries=tables.needed_libraries)
    return facts, _order(options, tables, base=where.base, fresh=venv is not None)


def _order(
    options: Namespace, tables: Tables, *, base: str | None = None, fresh: bool, elsewhere: bool = False
) -> LockOrder:
    return LockOrder(
        engine=options.engine,
        base=base,
        fresh=fresh,
        elsewhere=elsewhere,
        user_sources=tuple(options.source),
        offline=options.offline,
        bridges=tables.bridge,
    )


def _read_facts(name: str, world: World) -> Facts:
    try:
        text = (world.directory / name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--facts {name} cannot be read: {error}", code="bad-facts") from None
    return facts_in(text, where=name)
