"""Run several programs as one group, as the ranks of a job: the first failure ends the others at once."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from ipexenv.system.runner import Child, not_started

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ipexenv.system.runner import Finished


@dataclass(frozen=True, kw_only=True, slots=True)
class Program:
    """One program of a group."""

    argv: tuple[str, ...]
    env: Mapping[str, str]
    """Its whole environment."""


class GroupRunner(Protocol):
    """Starts groups of programs."""

    def run_together(self, programs: Sequence[Program], *, timeout_s: float) -> tuple[Finished, ...]:
        """Run all ``programs`` at once and return how each ended, in their order.

        Each gets an answer descriptor, as with ``Runner.run(answer=True)``. When one ends with another code than 0,
        or ``timeout_s`` seconds have passed, the others are ended with all their descendants and say so in ``ended``.
        """
        ...


class SubprocessGroupRunner:
    """The real GroupRunner."""

    def run_together(self, programs: Sequence[Program], *, timeout_s: float) -> tuple[Finished, ...]:
        """See GroupRunner.run_together."""
        from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 (10 ms that other commands need not pay)

        group = _Group()
        with ThreadPoolExecutor(max_workers=max(len(programs), 1)) as pool:
            endings = [pool.submit(group.run, program, timeout_s) for program in programs]
            try:
                return tuple(ending.result() for ending in endings)
            except BaseException:
                group.end_others(None)
                raise


class _Group:
    """The children that have been started, and whether the group is already failing."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._children: list[Child] = []
        self._failing = False

    def run(self, program: Program, timeout_s: float) -> Finished:
        try:
            child = Child(program.argv, env=program.env, answer=True)
        except OSError as error:
            self.end_others(None)
            return not_started(program.argv, error)
        with self._lock:
            self._children.append(child)
            late = self._failing
        if late:
            child.end()
        finished = child.finish(timeout_s=timeout_s)
        if finished.returncode != 0:
            self.end_others(child)
        return finished

    def end_others(self, failed: Child | None) -> None:
        with self._lock:
            if self._failing:
                return
            self._failing = True
            others = [child for child in self._children if child is not failed]
        for child in others:
            child.end()
