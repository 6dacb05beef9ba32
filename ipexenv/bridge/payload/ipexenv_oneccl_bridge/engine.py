"""What works behind one group: its connection, its thread, and what happens when something goes wrong."""

from __future__ import annotations

import ctypes
import os
import time
from datetime import timedelta
from functools import partial
from typing import Any, Callable, Dict, Optional, Sequence

from . import background, census, parting, settings, watch
from .asking import has, put
from .board import Board, Parts
from .errors import CclError, CclInputError, CclPeerError, CclTimeoutError
from .lane import Lane, run_once
from .near import Steps
from .patience import go_on, hurry
from .start import communication_cpu, remove_segments, start
from .work import CclWork, EndedWork

PEERS_CHECKED_AFTER_S = 1.0
"""A collective is left alone for so long before its watch looks whether the other ranks still live."""

COMPARED_AFTER_S = 0.2
"""A collective that takes longer is compared with what the other ranks of this host do meanwhile."""

LAST_WORDS_S = 1.0
"""How long to wait for what the other ranks say they are doing, when a collective ran out of time."""

DESTROY_S = 10.0
"""How long a rank waits for the others when it destroys a group."""

DESTROY_AGAIN_S = 0.5
"""The same once a group was not destroyed together: the others have gone their own way."""


class Engine:
    """Runs the collectives of one group in order, and fails all of them once one cannot end any more."""

    _patience_s = DESTROY_S

    def __init__(
        self, store: Any, rank: int, size: int, *, timeout_s: float, name: str, ranks: Sequence[int], whole: bool
    ) -> None:
        """Connect the group; see ``start.start`` for what is raised. ``ranks`` are its ranks in the whole job."""
        self.name = name
        self.rank = rank
        self.size = size
        self.timeout_s = timeout_s
        self._store = store
        self._ranks = tuple(ranks)
        self._broken: Optional[CclError] = None
        self._count = 0
        self._gone_since: Optional[float] = None
        started = start(store, rank, size, timeout_s=timeout_s, whole=whole)
        self.communicator, self._members, self.near, self._board = started
        near = census.neighbours(self._members, rank) if self._members else ()
        self._near = tuple(other for other in near if other != rank and self._shares_process_ids(other))
        self._lane = Lane(f"ccl-{name}", cpu=communication_cpu(), serial=settings.is_serial(os.environ))
        watch.add(self)

    def _shares_process_ids(self, other: int) -> bool:
        return self._members[other].pid_space == self._members[self.rank].pid_space

    def submit(
        self,
        what: str,
        call: Callable[[], None],
        result: Sequence[Any],
        timeout_s: Optional[float] = None,
        words: bytes = b"",
        parts: Optional[Parts] = None,
    ) -> CclWork:
        """Queue a collective; raise ``CclError`` if the group is broken or closed.

        ``words`` say what all ranks must do alike, and ``parts`` what each sends to each.
        """
        self._check()
        with self._lane.order:
            self._check()
            self._count += 1
            if self._board is not None and words:
                call = partial(self._compare_and_call, self._board, self._count, words, parts, call)
            return self._lane.submit(CclWork(what, self._count, call, result, timeout_s or self.timeout_s))

    def _compare_and_call(
        self, board: Board, number: int, words: bytes, parts: Optional[Parts], call: Callable[[], None]
    ) -> None:
        """Call oneCCL unless another rank of this host is known to do something else; the group ends then."""
        self._check()
        board.post(number, words, parts)
        difference = board.difference(number)
        if difference:
            self._broken = CclInputError(f"the ranks call different collectives: {difference}")
            raise self._broken
        call()

    def exchange(
        self, what: str, steps: Steps, result: Sequence[Any], timeout_s: Callable[[], Optional[float]], *, stays: bool
    ) -> Optional[CclWork]:
        """Do a collective between ranks of this host: on this thread if the others are there, else in the queue.

        ``stays`` says that the caller will wait for it at once, so that it may as well end here in any case, and that
        he needs no work if it has ended. ``timeout_s`` is asked only if it does not end at once.
        """
        self._check()
        with self._lane.order:
            self._check()
            self._count += 1
            idle = self._lane.is_idle()
            try:
                if idle and hurry(steps):
                    return None if stays else EndedWork(what, self._count, result, None)
            except CclInputError as error:
                return EndedWork(what, self._count, result, error)
            work = CclWork(what, self._count, self.following(steps), result, timeout_s() or self.timeout_s)
            work.is_near = True
            return self._lane.run_here(work) if idle and stays else self._lane.submit(work)

    def following(self, steps: Steps) -> Callable[[], None]:
        """Return a call that does the steps, or as many as there are until the group is broken."""
        return lambda: go_on(steps, lambda: self._broken)

    def _check(self) -> None:
        """Raise if the group is broken; also before taking ``order``, which a forked child may find taken for ever."""
        if self._broken is not None:
            raise CclError(f"{self._named()} cannot be used any more: {self._broken}")

    def look_after(self) -> None:
        """Fail the group if its oldest collective is out of time, or waits for a rank that died."""
        work = self._lane.oldest()
        if work is None or work.since is None or work.is_completed():
            self._gone_since = None
            return
        waited_s = time.monotonic() - work.since
        if self._board is not None and waited_s > COMPARED_AFTER_S:
            self._look_for_a_difference(self._board, work)
        if waited_s > work.timeout_s:
            self._break(CclTimeoutError(f"{self._told(work)} has not ended within {work.timeout_s:g} s"), work)
        elif waited_s > PEERS_CHECKED_AFTER_S:
            self._look_for_the_dead(work)

    def _look_for_a_difference(self, board: Board, work: CclWork) -> None:
        """Fail the group if another rank of this host came later to this place of the order, with something else."""
        if not board.has_posted(work.number):
            if not work.is_near:
                return
            board.post(work.number, str(work).encode())
        difference = board.difference(work.number)
        if difference:
            self._broken = CclInputError(f"the ranks call different collectives: {difference}")
            self._give_up(self._broken)

    def _look_for_the_dead(self, work: CclWork) -> None:
        """Fail the group if a rank of this host is gone, and was so a moment ago: what it sent may still arrive."""
        dead = [other for other in self._near if not census.is_alive(self._members[other])]
        now = time.monotonic()
        if not dead:
            self._gone_since = None
        elif self._gone_since is None:
            self._gone_since = now
        elif now - self._gone_since > PEERS_CHECKED_AFTER_S:
            gone = ", ".join(f"rank {other} (process {self._members[other].pid})" for other in dead)
            self._break(CclPeerError(f"{gone} has died, and {self._told(work)} waits for it"), work)

    def _break(self, error: CclError, work: CclWork) -> None:
        """Fail everything that is queued and everything that comes later, unless the work ends after all."""
        try:
            _, words = run_once(lambda: self._last_words(work), 3 * LAST_WORDS_S, "ccl-last-words")
        except Exception:  # noqa: BLE001 (the store may be gone with the rank that held it)
            words = None
        if work.is_completed():
            return
        self._broken = error
        if words:
            error.args = (f"{error.args[0]}; {words}",)
        self._give_up(error)

    def _give_up(self, error: CclError) -> None:
        """Fail everything that is queued; a call that is inside oneCCL stays there, and its end is not waited for."""
        if self._lane.oldest() is not None:
            watch.skip_destructors()
        self._lane.give_up(error)

    def _last_words(self, work: CclWork) -> str:
        """Tell the other ranks where this one stands, and return where they say they stand."""
        put(self._store, f"stands/{self.rank}", str(work))
        said: Dict[int, str] = {}
        deadline = time.monotonic() + LAST_WORDS_S
        while len(said) < self.size - 1 and time.monotonic() < deadline:
            for other in range(self.size):
                if other not in {self.rank, *said} and has(self._store, f"stands/{other}"):
                    said[other] = self._store.get(f"stands/{other}").decode()
            background.pause(census.POLL_S)
        lines = [f"rank {other} waits in {text}" for other, text in sorted(said.items())]
        silent = [str(other) for other in range(self.size) if other not in {self.rank, *said}]
        if silent:
            lines.append(f"nothing heard from rank(s) {', '.join(silent)}")
        return "; ".join(lines)

    def _named(self) -> str:
        return f"group {self.name!r} (rank {self.rank} of {self.size})"

    def _told(self, work: CclWork) -> str:
        return f"{work} on {self._named()}"

    def close(self) -> None:
        """Let what is queued end, disconnect, and end the thread; does nothing the second time.

        A rank that comes much later to destroy the group, or never, is not waited for.
        """
        watch.remove(self)
        if self._broken is not None:
            return
        limit_s = min(self.timeout_s, Engine._patience_s)
        try:
            if not self._disconnect(limit_s):
                Engine._patience_s = DESTROY_AGAIN_S
        except (RuntimeError, OSError):  # the store is gone with the rank that held it: the process's end disconnects
            pass
        self._broken = CclError("it was destroyed")
        self._lane.stop(limit_s)

    def _disconnect(self, limit_s: float) -> bool:
        """Disconnect if all ranks do, and say whether they did."""
        if not self._members:
            return True
        # On a thread: a store whose server is gone may not answer for ever.
        ended, together = run_once(
            lambda: parting.agreed(self._store, self.rank, self.size, limit_s=limit_s),
            limit_s + parting.DECIDING_S,
            "ccl-parting",
        )
        if not ended or not together:
            return False
        self.submit("destroy", self.communicator.destroy, []).wait(timedelta(seconds=limit_s))
        parting.stay_for_the_others(self._store, self.rank, self.size, limit_s=limit_s)
        return True

    def leave(self) -> None:
        """Use the group no more, at the end of the process."""
        self._broken = CclError("the process is ending")
        remove_segments()

    def forget(self) -> None:
        """End the group's thread once the group is gone; without the other ranks' word the connection stays."""
        watch.remove(self)
        self._lane.forget()

    def abort(self) -> None:
        """Fail everything that is queued, now."""
        if self._broken is None:
            self._broken = CclError(f"{self._named()} was aborted")
            self._give_up(self._broken)
        watch.remove(self)

    def disown(self) -> None:
        """Make the group unusable in a child process that was forked from a rank.

        The store is kept past the child's end: before torch 2.4, a child that takes its copy down stops the server of
        the rank it was forked from, and whoever asks that one again waits for ever.
        """
        self._broken = CclError("this process was forked from a rank; make its own group in it")
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._store))
