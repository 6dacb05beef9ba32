"""Carry a plan out in one call of the engine, and believe it only after looking."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from ipexenv.errors import OutsideError
from ipexenv.events import Event
from ipexenv.install.addresses import hide_credentials, is_local, local_path
from ipexenv.install.building import build_all, build_bridge
from ipexenv.install.call import install_call
from ipexenv.install.configuration import read_configuration
from ipexenv.install.engine import choose_engine
from ipexenv.install.explain import explain
from ipexenv.install.guard import refuse_full_disk, refuse_unusable
from ipexenv.install.venv import new_environment
from ipexenv.plan import missing

if TYPE_CHECKING:
    from collections.abc import Callable

    from ipexenv.events import Listener
    from ipexenv.facts import Facts
    from ipexenv.install.building import Build
    from ipexenv.install.call import Call
    from ipexenv.install.engine import Engine
    from ipexenv.outcome import Pin, Resolution
    from ipexenv.plan import Plan
    from ipexenv.system.runner import Finished
    from ipexenv.system.world import World

_LIMIT_S = 3 * 3600.0
"""For the engine as a whole: several gigabytes over a slow line take long. Each request has its own short limit."""

_WATCHED = ("torch", "ipex", "bindings", "bridge", "mpi", "numpy", "torchvision", "torchaudio")


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """How a plan is to be carried out."""

    look: Callable[[], Facts]
    """Looks at the target anew."""
    base: str | None = None
    """The Python to make the plan's environment with; None: the one that runs ipexenv."""
    engine: str = "auto"
    user_sources: tuple[str, ...] = ()
    offline: bool = False
    show_progress: bool = False
    build: Build = build_bridge


def carry_out(plan: Plan, resolution: Resolution, order: Order, world: World, listen: Listener) -> Facts:
    """Install the plan with one call of the engine, and return the facts afterwards: every pin is really there.

    Makes the plan's environment first and removes it again on failure; then builds what has to be built. Raises
    OutsideError where that cannot be done, the disk is too full, the engine fails (with the likely cause, and whether
    anything was changed), or it reports success and the pins are not there.
    """
    assert all(_has_file(pin) for pin in resolution.pins)  # noqa: S101 (never by name alone)
    with new_environment(plan.venv, world, listen, base=order.base):
        before = order.look()
        refuse_unusable(before.target)
        refuse_full_disk(plan, before.target.prefix)
        engine = choose_engine(order.engine, before.target, world)
        ended = _build_and_run(engine, plan, order, before=before, world=world, listen=listen)
        after = order.look()
        if ended.returncode != 0 or ended.timed_out:
            raise _failure(ended, plan, engine, changed=_changes(before, after))
        absent = missing(resolution, after)
        if absent:
            raise _not_as_planned(engine, absent)
    return after


def _has_file(pin: Pin) -> bool:
    return pin.installed or pin.offer is not None or (pin.bridge is not None and len(pin.parts) > 0)


def _build_and_run(  # noqa: PLR0913 (what to do, how, where, and who listens)
    engine: Engine, plan: Plan, order: Order, *, before: Facts, world: World, listen: Listener
) -> Finished:
    configuration = read_configuration(world, prefix=before.target.prefix, with_uv=engine.name == "uv")
    lock = _Lock(before)
    with tempfile.TemporaryDirectory(prefix="ipexenv-") as name:
        folder = Path(name)
        built = build_all(plan, folder, build=order.build, configuration=configuration, world=world, listen=listen)
        # In files that only this user can read: a URL may hold credentials, and command lines are public.
        requirements, constraints = folder / "requirements.txt", folder / "constraints.txt"
        requirements.write_text("\n".join((*plan.requirements, *built)) + "\n", encoding="utf-8")
        constraints.write_text("\n".join(plan.constraints) + "\n", encoding="utf-8")
        call = install_call(
            engine,
            world,
            requirements=str(requirements),
            constraints=str(constraints),
            configuration=configuration.local_only() if order.offline else configuration,
            offline=order.offline,
            folders=_folders(order, world),
            show_progress=order.show_progress,
        )
        ended = _run(call, engine, world, listen)
    if ended.returncode != 0:
        lock.remove_if_new()
    return ended


def _run(call: Call, engine: Engine, world: World, listen: Listener) -> Finished:
    listen(Event(kind="step", text=f"installing with {engine.name}"))
    return world.runner.run(
        call.argv,
        timeout_s=_LIMIT_S,
        env=call.env,
        cwd=str(world.directory),
        on_line=lambda line: listen(Event(kind="output", text=hide_credentials(line))),
    )


class _Lock:
    """The empty file with which uv locks an environment, and which it leaves behind."""

    def __init__(self, before: Facts) -> None:
        self._file = Path(before.target.prefix or "/") / ".lock"
        self._existed = self._file.exists()

    def remove_if_new(self) -> None:
        if not self._existed and self._file.is_file() and self._file.stat().st_size == 0:
            self._file.unlink()


def _folders(order: Order, world: World) -> tuple[str, ...]:
    """Return the user's folders of wheels, which dependencies must come from where nothing else may be asked."""
    if not order.offline:
        return ()
    paths = (local_path(address, world.directory) for address in order.user_sources if is_local(address))
    return tuple(str(path) for path in paths)


def _failure(ended: Finished, plan: Plan, engine: Engine, *, changed: tuple[str, ...]) -> OutsideError:
    by_url = [canonicalize_name(text.partition(" @ ")[0]) for text in plan.requirements if " @ " in text]
    by_url += [canonicalize_name(pin.name) for pin in plan.builds]
    explanation = explain(ended, by_url=by_url)
    ending = f"the environment was changed: {', '.join(changed)}" if changed else "nothing was changed"
    return OutsideError(
        f"{engine.name} could not install the packages",
        code=explanation.code,
        causes=(*explanation.causes, ending),
        hint=explanation.hint,
        data={"changed": bool(changed)},
    )


def _not_as_planned(engine: Engine, absent: tuple[str, ...]) -> OutsideError:
    return OutsideError(
        f"{engine.name} reports success, and the packages are not as planned",
        code="not-as-planned",
        causes=absent,
        hint="`ipexenv status` shows what is there now; try the other engine with `--engine`",
        data={"changed": True},
    )


def _changes(before: Facts, after: Facts) -> tuple[str, ...]:
    pairs = [(name, getattr(before.installed, name), getattr(after.installed, name)) for name in _WATCHED]
    return tuple(
        f"{name} was {old.version if old else 'absent'} and is {new.version if new else 'absent'}"
        for name, old, new in pairs
        if (old and old.version) != (new and new.version)
    )
