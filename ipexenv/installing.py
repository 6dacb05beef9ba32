"""The stages behind `install`: put right what was cut off, look, decide or replay a lock, carry out, prove."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from ipexenv.errors import AnswerIsNo, OutsideError
from ipexenv.events import Event
from ipexenv.fetch.choice import cache_from
from ipexenv.fetch.known import hold_to_known
from ipexenv.install.engine import engine_name
from ipexenv.install.guard import refuse_unusable
from ipexenv.install.installed import installed_distributions
from ipexenv.install.lock_file import load_lock
from ipexenv.install.nearby import files_of, nearby, refuse_remote
from ipexenv.install.order import Order, uninspected
from ipexenv.install.sources import blaming_sources, survey
from ipexenv.install.transaction import carry_out
from ipexenv.install.venv import look_before
from ipexenv.lock.planning import locked_plan, locked_resolution
from ipexenv.lock.replay import replay
from ipexenv.outcome import Market
from ipexenv.plan import make_plan
from ipexenv.probe.choice import target_words
from ipexenv.probe.look import probe
from ipexenv.resolve.ccl import may_need_bridge
from ipexenv.resolve.choices import aimed_hints, request_from
from ipexenv.resolve.solve import solve_asking
from ipexenv.tables.bridge import BRIDGE_PROJECT
from ipexenv.transaction.state import StateFolder
from ipexenv.transaction.unfinished import put_right, state_around
from ipexenv.verify.import_test import import_test
from ipexenv.verify.proven import fingerprint
from ipexenv.verify.run import verify

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from ipexenv.events import Listener
    from ipexenv.facts import Facts
    from ipexenv.fetch.cache import Cache
    from ipexenv.outcome import Resolution
    from ipexenv.plan import Plan
    from ipexenv.probe.choice import TargetChoice
    from ipexenv.ruling import Offer
    from ipexenv.system.world import World
    from ipexenv.tables.schema import Tables
    from ipexenv.verify.checks import VerifyReport
    from ipexenv.verify.options import VerifyOptions


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """What is to be done, and with which files."""

    facts: Facts
    resolution: Resolution
    plan: Plan
    market: Market
    files: tuple[Offer, ...] | None = None
    """Every file, where a lock names them; None: the engine is asked."""
    spare: tuple[Offer, ...] = ()
    """The same files at other places."""

    @property
    def offers(self) -> tuple[Offer, ...]:
        """Return where files can be had as well."""
        return (*self.market.offers, *self.spare)


@dataclass(kw_only=True, slots=True)
class Proof:
    """Tries what was installed, while it can still be undone."""

    world: World
    wanted: VerifyOptions
    listen: Listener
    whole: bool
    """Whether everything is to be proven, not the imports alone."""
    keep: bool
    """Whether what fails stays all the same."""
    memory: Cache | None = None
    """Remembers which new environments could be imported, so that the same one is not tried again."""
    report: VerifyReport | None = field(default=None, init=False)

    def __call__(self, facts: Facts) -> None:
        """Raise AnswerIsNo where a check fails, OutsideError where the pair cannot even be imported."""
        if self.whole:
            self.report = verify(self.world, facts, self.wanted, self.listen)
            if not self.report.passed and not self.keep:
                raise AnswerIsNo("verification failed", code="check-failed")
            return
        known = None if self.memory is None else fingerprint(facts, self.wanted.import_names, self.world.env)
        if self.memory is not None and known is not None and self.memory.is_proven(known):
            self.listen(Event(kind="step", text="the very same files have been imported here before"))
            return
        try:
            import_test(self.world, facts, self.wanted, self.listen)
            if self.memory is not None and known is not None:
                self.memory.mark_proven(known)
        except OutsideError as error:
            if not self.keep:
                raise
            self.listen(Event(kind="warning", text=f"{error.message}: {'; '.join(error.causes)}"))


def look_and_put_right(
    options: argparse.Namespace, where: TargetChoice, world: World, tables: Tables, listen: Listener
) -> tuple[Facts, str | None]:
    """Return what ``look_before`` does, of an environment that is whole: a change that was cut off is put right first.

    A dry run changes nothing, and says so.
    """
    around = StateFolder.at(where.venv) if where.venv else state_around(where.executable)
    mend = partial(_mend, options, listen)
    mend(around)
    found = look_before(where, world, libraries=tables.needed_libraries)
    own = StateFolder.of(found[0].target)
    if own != around and mend(own):
        found = look_before(where, world, libraries=tables.needed_libraries)
    return found


def _mend(options: argparse.Namespace, listen: Listener, state: StateFolder) -> bool:
    if options.dry_run and state.journal.exists():
        listen(
            Event(kind="warning", text="a change of this environment was cut off, and is not put right in a dry run")
        )
        return False
    return put_right(state, command="ipexenv install", listen=listen, wait_s=options.lock_wait) is not None


def decide(
    options: argparse.Namespace,
    world: World,
    tables: Tables,
    looked: tuple[Facts, str | None],
    listen: Listener,
) -> Decision:
    """Decide from the tables, and ask the sources only where they can change what is to be done."""
    facts, venv = looked
    request, sources = request_from(options), tuple(options.source)
    engine = engine_name(options.engine, facts.target, world)
    ask = partial(survey, world, tables=tables, facts=facts, user_sources=sources, listen=listen)

    def ask_for_a_change() -> Market:
        refuse_unusable(facts.target)
        return ask(engine=engine, offline=options.offline, bridge=may_need_bridge(request))

    with aimed_hints(options), blaming_sources():
        resolution, market = solve_asking(facts, request, tables, ask_for_a_change, offline=False, sources=sources)
    plan = make_plan(resolution, facts, venv=venv, engine=engine)
    return Decision(facts=facts, resolution=resolution, plan=plan, market=market)


def decide_from_lock(
    options: argparse.Namespace, world: World, tables: Tables, looked: tuple[Facts, str | None]
) -> Decision:
    """Take the decision from a lock: exactly its files, from where ``--source`` names or the lock says they are."""
    facts, venv = looked
    lock = load_lock(options.from_lock, world)
    near = nearby(lock, options.source, world.directory, tables.bridge)
    there = installed_distributions(None if venv else facts.target.site_packages)
    installed = {name: distribution.version for name, distribution in there.items()}
    replayed = replay(near, facts, installed=installed, bridges=tables.bridge)
    if options.offline:
        refuse_remote((*replayed.files, *replayed.parts))
    resolution = locked_resolution(near, replayed, facts)
    engine = engine_name(options.engine, facts.target, world)
    plan = locked_plan(replayed, resolution, installed=installed, venv=venv, engine=engine)
    spare = () if options.offline else files_of(lock)
    return Decision(facts=facts, resolution=resolution, plan=plan, market=Market(), files=replayed.files, spare=spare)


def order_for(  # noqa: PLR0913 (what, how, where, and what proves it)
    options: argparse.Namespace, decision: Decision, where: TargetChoice, proof: Proof, *, world: World, tables: Tables
) -> Order:
    """Return how the decision is to be carried out."""
    cache = cache_from(options, world)
    proof.memory = cache if decision.plan.venv is not None else None
    return Order(
        look=partial(probe, world, where, libraries=tables.needed_libraries),
        before=decision.facts,
        base=where.base,
        engine=options.engine,
        user_sources=tuple(options.source),
        offline=options.offline,
        files=decision.files,
        offers=decision.offers,
        reports=decision.market.reports,
        hold=partial(hold_to_known, tables=tables, require_known=options.require_known),
        inspect=partial(_inspect, tables) if options.require_known else uninspected,
        prove=proof,
        cache=cache,
        allow_insecure=tuple(options.allow_insecure),
        require_known=options.require_known,
        command="ipexenv install",
        lock_wait_s=options.lock_wait,
    )


def _inspect(tables: Tables, wheel: Path) -> None:
    """Refuse a bridge that somebody else made: of every other known file the SHA-256 was compared already."""
    if canonicalize_name(wheel.name.partition("-")[0]) == BRIDGE_PROJECT:
        from ipexenv.bridge.proving import refuse_foreign_bridge  # noqa: PLC0415 (start-up time: few plans have one)

        refuse_foreign_bridge(wheel, tables.bridge)


def carry(order: Order, decision: Decision, *, world: World, listen: Listener) -> bool:
    """Carry the decision out, and say whether it stays: where a check fails, everything has been undone."""
    try:
        carry_out(decision.plan, decision.resolution, order, world, listen)
    except AnswerIsNo as error:
        if error.code != "check-failed":
            raise
        return False
    return True


def rollback_command(options: argparse.Namespace) -> str:
    """Return the command that undoes what this one did."""
    return f"ipexenv rollback{target_words(options)}"
