"""Carry a plan out whole or not at all: stage first, change in one call of the engine, believe it after looking."""

from __future__ import annotations

import shutil
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ipexenv.errors import AnswerIsNo, IpexenvError, OutsideError
from ipexenv.events import Event
from ipexenv.install.addresses import hide_credentials
from ipexenv.install.call import staged_call
from ipexenv.install.configuration import read_configuration
from ipexenv.install.engine import choose_engine, engine_name, uv_cache
from ipexenv.install.explain import explain
from ipexenv.install.guard import refuse_full_disk, refuse_locked_folders, refuse_unusable, same_file_system
from ipexenv.install.installed import installed_distributions
from ipexenv.install.order import Order
from ipexenv.install.planned_paths import ask_schemes, planned_paths
from ipexenv.install.seeds import seeds_of
from ipexenv.install.staging import Stage
from ipexenv.install.venv import is_absent, make_environment, place_for
from ipexenv.plan import missing
from ipexenv.transaction.changing import Change, changing
from ipexenv.transaction.holding import holding
from ipexenv.transaction.journal import ChangedPackage
from ipexenv.transaction.state import StateFolder
from ipexenv.transaction.unfinished import settle

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from packaging.version import Version

    from ipexenv.events import Listener
    from ipexenv.facts import Facts
    from ipexenv.install.engine import Engine
    from ipexenv.install.seeds import Seed
    from ipexenv.install.staging import Ready
    from ipexenv.outcome import Pin, Resolution
    from ipexenv.plan import Plan
    from ipexenv.system.runner import Finished
    from ipexenv.system.world import World

__all__ = ["Order", "carry_out"]

_LIMIT_S = 3600.0
"""For the engine as a whole, which has nothing to download any more."""
_UNDONE = "it was undone: the environment is as it was before"
_UNDONE_NEW = "it was undone: the environment that was begun is removed"


def carry_out(plan: Plan, resolution: Resolution, order: Order, world: World, listen: Listener) -> Facts:
    """Install the plan, and return the facts afterwards: every pin is really there, and ``order.prove`` has passed.

    Everything is brought and looked through before the first change; whatever fails later, Ctrl-C included, puts the
    old environment back. Another command that holds the environment is waited for. Raises OutsideError that says why,
    and that nothing was changed or that it was undone; ``changed-meanwhile`` where the environment is no longer the one
    that was planned from; what ``order.prove`` raises.
    """
    assert all(_has_file(pin) for pin in resolution.pins)  # noqa: S101 (never by name alone)
    work = _Work(plan=plan, resolution=resolution, order=order, world=world, listen=listen)
    with (
        place_for(plan.venv),
        holding(work.state, command=order.command, listen=listen, wait_s=order.lock_wait_s),
    ):
        with _saying("nothing was changed", listen), _swept(work.state):
            settle(work.state, listen)
            work.refuse_another_environment()
            ready = work.stage()
            change = work.change_to(ready)
        with (
            _saying("it was undone: the environment is as it was before", listen),
            changing(work.state, change) as under_way,
        ):
            work.install(ready)
            under_way.installed()
            return work.look_again()


@contextmanager
def _saying(ending: str, listen: Listener) -> Iterator[None]:
    """Make whatever leaves the block say what became of the environment."""
    try:
        yield
    except AnswerIsNo:
        raise
    except IpexenvError as error:
        if error.code not in {"not-restored", "no-snapshot"} and ending not in error.causes:
            error.causes = (*error.causes, ending)
        error.data = {"changed": error.code == "not-restored", **(error.data or {})}
        raise
    except (KeyboardInterrupt, SystemExit):
        listen(Event(kind="warning", text=ending))
        raise


@contextmanager
def _swept(state: StateFolder) -> Iterator[None]:
    """Take away what was staged in the environment itself, where the block fails."""
    try:
        yield
    except BaseException:
        shutil.rmtree(state.staging, ignore_errors=True)
        raise


@dataclass(frozen=True, kw_only=True, slots=True)
class _Work:
    """One plan being carried out."""

    plan: Plan
    resolution: Resolution
    order: Order
    world: World
    listen: Listener

    @property
    def state(self) -> StateFolder:
        """Return the environment's own folder."""
        return StateFolder.at(self.plan.venv) if self.plan.venv else StateFolder.of(self.order.before.target)

    def refuse_another_environment(self) -> None:
        """Raise OutsideError where the environment must not be changed, or is not the one that was planned from."""
        refuse_unusable(self.order.before.target)
        if self.plan.venv is not None:
            same = is_absent(self.plan.venv)
        else:
            now = self.order.look()
            same = (now.installed, now.target) == (self.order.before.installed, self.order.before.target)
        if not same:
            raise OutsideError(
                "the environment was changed meanwhile",
                code="changed-meanwhile",
                causes=("it is no longer the one that this plan was made for",),
                hint="run the same command again: it plans anew",
            )

    def stage(self) -> tuple[Ready, ...]:
        """Bring everything that is needed."""
        facts = self._facts_before()
        engine = choose_engine(self.order.engine, facts.target, self.world)
        configuration = read_configuration(self.world, prefix=facts.target.prefix, with_uv=engine.name == "uv")
        return Stage(
            plan=self.plan,
            order=self.order,
            chosen=tuple(pin.offer for pin in self.resolution.pins if pin.offer is not None and not pin.installed),
            engine=engine,
            facts=facts,
            configuration=configuration.local_only() if self.order.offline else configuration,
            state=self.state,
            world=self.world,
            listen=self.listen,
        ).fill()

    def _facts_before(self) -> Facts:
        """Return what an engine can be asked about: the target, or the Python that it is to be made with."""
        facts = self.order.before
        if self.plan.venv is None:
            return facts
        base = self.order.base or sys.executable
        return replace(facts, target=replace(facts.target, executable=base, site_packages=None))

    def change_to(self, ready: tuple[Ready, ...]) -> Change:
        """Return what is going to happen, having seen that there is room and leave for it."""
        fresh = self.plan.venv is not None
        before = _installed(self.order.before)
        packages = tuple(
            ChangedPackage(
                name=one.project,
                before=str(before[one.project]) if one.project in before else None,
                after=str(one.file.offer.version),
            )
            for one in ready
        )
        target = self.order.before.target
        schemes = None if fresh else ask_schemes(target, self.world)
        replaced = [package.name for package in packages if package.before is not None]
        wheels = [one.wheel for one in ready]
        paths = () if schemes is None else planned_paths(wheels, replaced, schemes, prefix=target.prefix)
        refuse_locked_folders(paths)
        place = Path(self.plan.venv or target.site_packages or target.prefix or "/")
        linked = "UV_LINK_MODE" not in self.world.env
        coming = (
            one.wheel for one in ready if not (linked and one.unpacked and same_file_system(one.file.path, place))
        )
        refuse_full_disk(sum(wheel.unpacked_bytes for wheel in coming), place)
        return Change(
            command=self.order.command,
            packages=packages,
            paths=paths,
            folders=() if schemes is None else schemes.packages,
            new_environment=fresh,
        )

    def install(self, ready: tuple[Ready, ...]) -> None:
        """Change the environment. Raises OutsideError where it cannot be made, or the engine fails."""
        target = self.order.before.target
        seeds: tuple[Seed, ...] = ()
        if self.plan.venv is not None:
            if engine_name(self.order.engine, target, self.world) == "uv":
                seeds = seeds_of(self.order.base, self.world)
            make_environment(self.plan.venv, self.order.base, self.world, self.listen, with_pip=not seeds)
            target = self.order.look().target
        if not ready and not seeds:
            return
        engine = choose_engine(self.order.engine, target, self.world)
        self.listen(Event(kind="step", text=f"installing with {engine.name}"))
        ended = self._run(engine, ready, seeds)
        if ended.returncode != 0 or ended.timed_out:
            raise _failure(ended, engine)

    def _run(self, engine: Engine, ready: tuple[Ready, ...], seeds: tuple[Seed, ...]) -> Finished:
        before = _installed(self.order.before)
        projects = {one.project for one in ready}
        seeds = tuple(seed for seed in seeds if seed.project not in projects)
        lines = [*(one.requirement for one in ready), *(seed.requirement for seed in seeds)]
        folders = [*(str(one.file.path.parent) for one in ready), *(seed.folder for seed in seeds)]
        with tempfile.TemporaryDirectory(prefix="ipexenv-") as name:
            requirements = Path(name) / "requirements.txt"
            requirements.write_text("\n".join(lines) + "\n", encoding="utf-8")
            call = staged_call(
                engine,
                self.world,
                requirements=str(requirements),
                folders=tuple(dict.fromkeys(folders)),
                again=tuple(one.project for one in ready if _looks_alike(one, before)),
                uv_cache=uv_cache(engine, self.world),
            )
            return self.world.runner.run(
                call.argv,
                timeout_s=_LIMIT_S,
                env=call.env,
                cwd=str(self.world.directory),
                on_line=lambda line: self.listen(Event(kind="output", text=hide_credentials(line))),
            )

    def look_again(self) -> Facts:
        """Return the facts afterwards. Raises OutsideError where they are not as planned; what ``order.prove`` does."""
        after = self.order.look()
        absent = missing(self.resolution, after)
        if absent:
            raise OutsideError(
                "the engine reports success, and the packages are not as planned",
                code="not-as-planned",
                causes=absent,
                hint="try the other engine with `--engine`",
            )
        self.order.prove(after)
        return after


def _has_file(pin: Pin) -> bool:
    return pin.installed or pin.offer is not None or (pin.bridge is not None and len(pin.parts) > 0)


def _installed(facts: Facts) -> Mapping[str, Version]:
    found = installed_distributions(facts.target.site_packages)
    return {name: distribution.version for name, distribution in found.items()}


def _looks_alike(one: Ready, before: Mapping[str, Version]) -> bool:
    """Say whether an engine would take what is installed for what is wanted: 2.8.0+cpu satisfies ==2.8.0."""
    wanted, there = one.file.offer.version, before.get(one.project)
    return there is not None and (wanted == there or (wanted.local is None and there.public == wanted.public))


def _failure(ended: Finished, engine: Engine) -> OutsideError:
    explanation = explain(ended)
    return OutsideError(
        f"{engine.name} could not install the packages",
        code=explanation.code,
        causes=explanation.causes,
        hint=explanation.hint,
    )
