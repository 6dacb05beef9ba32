"""Run several programs as one group, as the ranks of a job: the first failure ends the others at once."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from ipexenv.system.guard import Guard
from ipexenv.system.runner import Child, not_started

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ipexenv.system.runner import Finished


_LAST_WORDS_S = 1.0
_LOOK_S = 2.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Program:
    """One program of a group."""

    argv: tuple[str, ...]
    env: Mapping[str, str]
    """Its whole environment."""
    is_failure: Callable[[str], bool] | None = None
    """Hears each line of its output as it comes, from two threads, and says whether the group has failed by it."""
    is_lost: Callable[[], bool] | None = None
    """Asked every few seconds: says whether the group has failed, for one of which nothing is heard."""
    guarded: bool = False
    """Whether it is ended, softly first, also where this very process is killed."""
    kept_bytes: int | None = None
    """How much of its output is kept until its end, None for as much as usual; the oldest goes first."""


class GroupRunner(Protocol):
    """Starts groups of programs."""

    def run_together(self, programs: Sequence[Program], *, timeout_s: float) -> tuple[Finished, ...]:
        """Run all ``programs`` at once and return how each ended, in their order.

        Each gets an answer descriptor, as with ``Runner.run(answer=True)``. When one ends with another code than 0,
        or ``timeout_s`` seconds have passed, the others are ended with all their descendants and say so in ``ended``.
        A program that prints a line of failure is ended too, a second later, so that what goes with the line is heard.
        """
        ...


class SubprocessGroupRunner:
    """The real GroupRunner."""

    def run_together(self, programs: Sequence[Program], *, timeout_s: float) -> tuple[Finished, ...]:
        """See GroupRunner.run_together."""
        from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 (10 ms that other commands need not pay)

        group = _Group(Guard() if any(program.guarded for program in programs) else None)
        try:
            with ThreadPoolExecutor(max_workers=max(len(programs), 1)) as pool:
                endings = [pool.submit(group.run, program, timeout_s) for program in programs]
                try:
                    return tuple(ending.result() for ending in endings)
                except BaseException:
                    group.end_others(None)
                    raise
        finally:
            group.dismiss_guard()


def _listener(program: Program, failed: threading.Event) -> Callable[[str], None] | None:
    is_failure = program.is_failure
    if is_failure is None:
        return None

    def listen(line: str) -> None:
        if is_failure(line):
            failed.set()

    return listen


class _Group:
    """The children that have been started, and whether the group is already failing."""

    def __init__(self, guard: Guard | None) -> None:
        self._guard = guard
        self._lock = threading.Lock()
        self._children: list[Child] = []
        self._failing = False

    def run(self, program: Program, timeout_s: float) -> Finished:
        failed = threading.Event()
        try:
            listener = _listener(program, failed)
            child = Child(program.argv, env=program.env, answer=True, on_line=listener, kept_bytes=program.kept_bytes)
        except OSError as error:
            self.end_others(None)
            return not_started(program.argv, error)
        if self._guard is not None:
            self._guard.watch_over(child.group)
        with self._lock:
            self._children.append(child)
            late = self._failing
        if late:
            child.end()
        if program.is_failure is not None:
            threading.Thread(target=self._end_on, args=(failed, child, program.is_lost), daemon=True).start()
        finished = child.finish(timeout_s=timeout_s)
        failed.set()  # nobody has to wait for that line any more
        if finished.returncode != 0:
            self.end_others(child)
        return finished

    def _end_on(self, failed: threading.Event, child: Child, is_lost: Callable[[], bool] | None) -> None:
        while not failed.wait(_LOOK_S if is_lost is not None else None):
            if is_lost is not None and is_lost():
                break
        if not child.wait_ended(_LAST_WORDS_S):
            child.end()
            self.end_others(child)

    def dismiss_guard(self) -> None:
        if self._guard is not None:
            self._guard.dismiss()

    def end_others(self, failed: Child | None) -> None:
        with self._lock:
            if self._failing:
                return
            self._failing = True
            others = [child for child in self._children if child is not failed]
        for child in others:
            child.end()
