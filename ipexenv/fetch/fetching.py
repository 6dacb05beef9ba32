"""Get many files at once; the first failure ends the others, and everything that has come so far is kept."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from typing import TYPE_CHECKING

from ipexenv.errors import OutsideError
from ipexenv.events import Event, ignore
from ipexenv.fetch.job import Desk, Fetched, Job
from ipexenv.fetch.limits import USUAL_LIMITS, Limits
from ipexenv.fetch.part import SupersededError
from ipexenv.fetch.reach import Reach, no_credentials, usual_access
from ipexenv.fetch.staging import refuse_full_disk, refuse_name
from ipexenv.fetch.trouble import disk_error

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from pathlib import Path

    from ipexenv.events import Listener
    from ipexenv.fetch.cache import Cache
    from ipexenv.ruling import Offer
    from ipexenv.system.access import Access
    from ipexenv.system.transfer import Credentials, Transfer

_LOOK_AGAIN_S = 0.05
_TELL_EVERY_S = 0.2
_PARTING_S = 3.0
"""How long to wait for threads that are told to stop; one that waits for a silent server is left behind."""


def _no_matter(_file: Fetched) -> None:
    """Do nothing with a file that has come."""


def fetch_all(  # noqa: PLR0913 (what, whereto, how to get at it, and what to hold to)
    files: Sequence[Offer],
    *,
    into: Path,
    cache: Cache | None,
    transfer: Transfer,
    access_for: Callable[[str], Access] = usual_access,
    credentials_for: Callable[[str], Credentials | None] = no_credentials,
    listen: Listener = ignore,
    arrived: Callable[[Fetched], None] = _no_matter,
    alternatives: Sequence[Offer] = (),
    allow_insecure: Collection[str] = (),
    require_known: bool = False,
    limits: Limits = USUAL_LIMITS,
    pause: Callable[[float], None] | None = None,
) -> tuple[Fetched, ...]:
    """Put every one of ``files`` into the folder ``into`` under its own name, and return them in the same order.

    Each file has the length and the SHA-256 that its offer names. Where one of ``alternatives`` has the same name and
    the same SHA-256, it is tried when the chosen source fails. ``access_for`` and ``credentials_for`` are asked for
    every address anew, redirects included. Plain http is refused unless it goes to this machine or to a host in
    ``allow_insecure``; ``require_known`` refuses a file without a SHA-256. ``pause`` replaces the waiting between
    attempts.

    ``listen`` is called in the calling thread alone, and so is ``arrived``, with each file as soon as it is whole and
    has the right bytes: it may be moved away then. A failure leaves what has come so far in the cache (in
    ``into/.partial`` without one) for the next call; Ctrl-C does, too.
    Raises OutsideError with one of the codes of ``ipexenv.fetch.trouble``, or ``two-files-one-name``.
    """
    crew = _Crew(transfer, limits)
    usable_cache = _usable(cache, listen)
    reach = Reach(
        transfer=transfer,
        limits=limits,
        access_for=access_for,
        credentials_for=credentials_for,
        allow_insecure=frozenset(host.lower() for host in allow_insecure),
        tell=crew.tell_once,
    )
    desk = Desk(
        into=into,
        cache=usable_cache,
        reach=reach,
        require_known=require_known,
        pause=pause or crew.pause,
        tell=crew.tell,
        arrived=crew.arrive,
    )
    chosen = _distinct(files)
    _prepare(chosen, desk)
    jobs = {offer.filename: Job(_same_file(offer, alternatives), desk) for offer in chosen}
    crew.run(sorted(jobs.values(), key=lambda job: -(job.offer.size_bytes or 0)), listen, arrived)
    if usable_cache is None:
        with contextlib.suppress(OSError):
            (into / ".partial").rmdir()
    fetched = {name: job.fetched for name, job in jobs.items()}
    return tuple(one for offer in files if (one := fetched[offer.filename]) is not None)


def _usable(cache: Cache | None, listen: Listener) -> Cache | None:
    if cache is not None:
        try:
            cache.prepare()
        except OutsideError as error:
            text = f"{error.message} ({'; '.join(error.causes)}); going on without it"
            listen(Event(kind="warning", text=text))
            return None
    return cache


def _distinct(files: Sequence[Offer]) -> tuple[Offer, ...]:
    by_name: dict[str, Offer] = {}
    for offer in files:
        refuse_name(offer.filename)
        other = by_name.setdefault(offer.filename, offer)
        if other.sha256 != offer.sha256 or (other.sha256 is None and other.url != offer.url):
            raise OutsideError(
                f"two different files are named {offer.filename}",
                code="two-files-one-name",
                causes=(f"one is from {other.source}, the other from {offer.source}",),
            )
    return tuple(by_name.values())


def _same_file(offer: Offer, alternatives: Sequence[Offer]) -> tuple[Offer, ...]:
    """Return the offer and those that are proven to be the same bytes."""
    same = (
        other
        for other in alternatives
        if offer.sha256 is not None
        and (other.filename, other.sha256) == (offer.filename, offer.sha256)
        and other.url != offer.url
    )
    return (offer, *dict.fromkeys(same))


def _prepare(files: Sequence[Offer], desk: Desk) -> None:
    """Make the folder, and refuse a disk that has clearly no room."""
    try:
        desk.into.mkdir(parents=True, exist_ok=True)
        missing = [offer for offer in files if not (desk.cache and offer.sha256 and desk.cache.has(offer.sha256))]
        bytes_ = sum(offer.size_bytes or 0 for offer in missing)
        folders = {
            folder.stat().st_dev: folder for folder in (desk.into, desk.cache.partial if desk.cache else desk.into)
        }
        refuse_full_disk((folder, bytes_) for folder in folders.values())
    except OSError as error:
        raise disk_error(error, desk.into) from None


class _Crew:
    """The threads that do the work, and what they have to say."""

    def __init__(self, transfer: Transfer, limits: Limits) -> None:
        self._transfer = transfer
        self._limits = limits
        self._condition = threading.Condition()
        self._stop = threading.Event()
        self._said: queue.SimpleQueue[Event | Fetched | None] = queue.SimpleQueue()
        self._once: set[str] = set()
        self._errors: list[BaseException] = []

    def tell(self, event: Event) -> None:
        """Have the calling thread of ``run`` pass the event on."""
        self._said.put(event)

    def arrive(self, file: Fetched) -> None:
        """Have the calling thread of ``run`` hear of a file."""
        self._said.put(file)

    def tell_once(self, event: Event) -> None:
        """Do it where the same was not said before: every piece of a file is redirected anew."""
        if event.text not in self._once:
            self._once.add(event.text)
            self.tell(event)

    def pause(self, seconds: float) -> None:
        """Wait; raise SupersededError where the work is over before."""
        if self._stop.wait(seconds):
            raise SupersededError

    def run(self, jobs: Sequence[Job], listen: Listener, arrived: Callable[[Fetched], None]) -> None:
        """Do all jobs, or raise the first error."""
        workers = [
            threading.Thread(target=self._work, args=(jobs,), daemon=True, name="ipexenv-download")
            for _ in range(self._limits.connections)
        ]
        try:
            for worker in workers:
                worker.start()
            self._listen(jobs, listen, arrived, workers=len(workers))
        finally:
            self._end(workers, jobs)
        if self._errors:
            raise self._errors[0]

    def _listen(
        self, jobs: Sequence[Job], listen: Listener, arrived: Callable[[Fetched], None], *, workers: int
    ) -> None:
        """Pass on what the threads say until the last of them has ended, or one has failed."""
        next_time = 0.0
        while workers and not (self._errors and self._said.empty()):
            with contextlib.suppress(queue.Empty):
                event = self._said.get(timeout=_TELL_EVERY_S)
                if event is None:
                    workers -= 1
                elif isinstance(event, Fetched):
                    arrived(event)
                else:
                    listen(event)
            if time.monotonic() >= next_time:
                next_time = time.monotonic() + _TELL_EVERY_S
                done, total = (sum(job.done_bytes for job in jobs), sum(job.total_bytes for job in jobs))
                listen(Event(kind="output", text=f"Progress {done} of {max(done, total)}"))

    def _work(self, jobs: Sequence[Job]) -> None:
        try:
            while (task := self._next(jobs)) is not None:
                with contextlib.suppress(SupersededError):
                    task()
                with self._condition:
                    self._condition.notify_all()
        except BaseException as error:  # noqa: BLE001 (raised again in the calling thread)
            if not self._stop.is_set():
                self._errors.append(error)
                self._stop.set()
        finally:
            self._said.put(None)

    def _next(self, jobs: Sequence[Job]) -> Callable[[], None] | None:
        with self._condition:
            while not self._stop.is_set():
                for job in jobs:
                    if (task := job.take()) is not None:
                        return task
                if all(job.fetched is not None for job in jobs):
                    return None
                self._condition.wait(_LOOK_AGAIN_S)
        return None

    def _end(self, workers: Sequence[threading.Thread], jobs: Sequence[Job]) -> None:
        """Stop whatever still goes on and let go of everything."""
        self._stop.set()
        ends = time.monotonic() + _PARTING_S
        while any(worker.is_alive() for worker in workers) and time.monotonic() < ends:
            self._transfer.abort()
            for worker in workers:
                if worker.ident is not None:
                    worker.join(_LOOK_AGAIN_S / len(workers))
        for job in jobs:
            job.close()
        self._transfer.close()
