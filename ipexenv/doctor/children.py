"""Import what is installed, each in a child process of its own, as a script of the user's would."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ipexenv.events import Event
from ipexenv.system.runner import ANSWER_FD_VARIABLE
from ipexenv.verify.expectation import expected_ccl, expected_imports, expected_stack

if TYPE_CHECKING:
    from ipexenv.events import Listener
    from ipexenv.facts import Facts
    from ipexenv.system.runner import Finished
    from ipexenv.system.world import World

IMPORT_LIMIT_S = 120.0
"""Cold imports of torch over a network file system take half a minute."""

# The last line is not reached by an import that ends the process, whatever exit code it chooses.
_PROGRAM = f"import os, {{modules}}; os.write(int(os.environ['{ANSWER_FD_VARIABLE}']), b'done')"

_FRAMEWORKS = ("numpy", "torchvision", "torchaudio", "transformers", "accelerate")


@dataclass(frozen=True, kw_only=True, slots=True)
class Child:
    """One attempt to import."""

    modules: tuple[str, ...]
    """In the order in which they were imported; it is about the last."""
    ended: Finished
    python: str = "python"
    limit_s: float = IMPORT_LIMIT_S

    @property
    def name(self) -> str:
        """Return what it was about."""
        return self.modules[-1]

    @property
    def came_back(self) -> bool:
        """Say whether the import returned, whatever came of the process afterwards."""
        return self.ended.answer == b"done"

    @property
    def is_fine(self) -> bool:
        """Say whether the import returned and the process ended well."""
        return self.came_back and self.ended.returncode == 0

    @property
    def printed(self) -> str:
        """Return what it printed, stdout first: guards print there and raise later."""
        return f"{self.ended.stdout}\n{self.ended.stderr}".strip()

    @property
    def command(self) -> str:
        """Return how a person would try the same."""
        return f'{shlex.quote(self.python)} -c "import {", ".join(self.modules)}"'


def import_alone(world: World, facts: Facts, listen: Listener, *, limit_s: float = IMPORT_LIMIT_S) -> tuple[Child, ...]:
    """Import each installed package in a child process, with the user's own environment and working directory.

    torch, IPEX and the ccl backend are imported together, and one by one where that does not work. Whatever becomes of
    a child is data; nothing here raises for it. Without buffering, so that the last words of a process that ends
    itself are not lost.
    """
    chain = _chain(facts)
    children: list[Child] = []
    if chain:
        whole = _import(world, facts, chain, listen, limit_s)
        for size in range(1, len(chain) if not whole.is_fine else 0):
            children.append(_import(world, facts, chain[:size], listen, limit_s))
            if not children[-1].is_fine:
                break  # the others stand on it
        children.append(whole)
    others = [name for name in _FRAMEWORKS if getattr(facts.installed, name) is not None]
    return (*children, *(_import(world, facts, (name,), listen, limit_s) for name in others))


def _chain(facts: Facts) -> tuple[str, ...]:
    """Return the modules of the stack in the order in which they have to be imported."""
    if facts.installed.torch is None:
        return ()
    stack, _ = expected_stack(facts, None)
    return expected_imports(facts, stack, expected_ccl(facts, "auto"))


def _import(world: World, facts: Facts, modules: tuple[str, ...], listen: Listener, limit_s: float) -> Child:
    listen(Event(kind="step", text=f"importing {modules[-1]} in a process of its own"))
    python = facts.target.executable or "python3"
    ended = world.runner.run(
        [python, "-u", "-c", _PROGRAM.format(modules=", ".join(modules))],
        timeout_s=limit_s,
        env={**world.env, "PYTHONUNBUFFERED": "1"},
        cwd=str(world.directory),
        answer=True,
    )
    return Child(modules=modules, ended=ended, python=python, limit_s=limit_s)
